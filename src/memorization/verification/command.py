"""``memorization verify-checkpoints``: which branches, what it costs, what was found of them."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from memorization.errors import UserError
from memorization.params import Params
from memorization.progress import progress
from memorization.suite.declared.declaration import SUITES, Declaration, read_declaration
from memorization.suite.hub.asking import headers
from memorization.suite.pythia.repositories import pin_of
from memorization.verification.branches import Branch, Finding, Kind, is_plain, stage_of, step_of
from memorization.verification.curves import Measured, of_weights
from memorization.verification.embeddings import Piece, file_of, of_embeddings
from memorization.verification.findings import by_repository, finals_first, findings
from memorization.verification.listings import described, embedding, listed

# Requests in five minutes, without an account and with one: for listings, and for the addresses of
# files (the hub's documentation, "Rate limits").
LISTINGS, ADDRESSES, WINDOW = (500, 1000), (3000, 5000), 5
# An embedding is told from some three parts of a file, each after a question for its address.
REQUESTS = 3

# Measures a branch's weights, with the branch that has its tokenizer; ValueError: there are none.
Measure = Callable[[Branch, Branch | None], Measured]


@dataclass(frozen=True)
class Verified:
    """What was looked at and what was found.

    Attributes
    ----------
    branches : with what each holds.
    findings : what is wrong.
    unread : branches whose embedding could not be told; None: none was asked for.
    measured : of the branches whose weights were downloaded; None: none were to be.
    scannable : ``owner/name@branch`` of all checkpoints that ``labels.exclude`` may name.
    """

    branches: list[Branch]
    findings: list[Finding]
    unread: int | None = None
    measured: dict[Branch, Measured] | None = None
    scannable: frozenset[str] = frozenset()

    @property
    def excluded(self) -> dict[str, str]:
        """Checkpoint -> what is wrong with it, as ``labels.exclude`` takes it; by repository, step.

        Those that no scan reads, of which `scannable` has none, are among them.

        That ``main`` is wrong excludes no checkpoint.
        """
        kinds: dict[tuple[str, str, int, str], list[str]] = {}
        for finding in self.findings:
            if finding.step is not None:
                place = (finding.repository, stage_of(finding.branch), finding.step, finding.branch)
                own = kinds.setdefault(place, [])
                own += [finding.kind.value] if finding.kind.value not in own else []
        return {
            pin_of(repository, branch): ", ".join(own)
            for (repository, _, _, branch), own in sorted(kinds.items())
        }


def declarations(facts: str | None) -> dict[str, Declaration]:
    """Return all published suites by name, those of Pythia's runs with a JSON file's facts."""
    return {name: read_declaration(name, facts if "pythia" in name else None) for name in SUITES}


def repositories(
    params: Params,
    suites: Mapping[str, Declaration],
    models: Sequence[str],
    variants: Sequence[str],
    releases: Sequence[str],
) -> list[str]:
    """Return the repositories to verify.

    Parameters
    ----------
    suites : by name.
    models : suites, targets of them, or repositories as ``owner/name``; none: all of Pythia's.
    variants, releases : of Pythia's models; none: those of params.yaml.

    Raises
    ------
    UserError
        If there is no such model, variant or release.
    """
    targets = {target: suite for suite in suites.values() for target in suite.targets}
    found: list[str] = []
    for model in models or ["pythia"]:
        if "/" in model and re.fullmatch(r"[\w.-]+/[\w.-]+", model):
            found.append(model)
        elif model in suites or model in targets:
            suite = suites.get(model) or targets[model]
            found += [
                suite.repository_of(target, variant, release)
                for target in (suite.targets if model in suites else [model])
                for variant in (variants or [params.variant])
                for release in (releases or [params.pythia.models])
            ]
        else:
            known = [*suites["pythia"].targets, *suites]
            raise UserError(
                f"--models: '{model}' is none of {', '.join(known)}, nor a model of these suites; "
                "of others, name the repository as OWNER/NAME"
            )
    return list(dict.fromkeys(found))


def expected_branches(repository: str, suites: Mapping[str, Declaration]) -> list[str]:
    """Return the branches that a repository must have, in the order of their steps.

    The first release of EleutherAI's suite has the evenly spaced ones only. What no suite declares
    must have what Pythia has.

    >>> suites = declarations(None)
    >>> expected_branches("EleutherAI/pythia-70m", suites)[:4]
    ['step0', 'step1', 'step2', 'step4']
    >>> len(expected_branches("EleutherAI/pythia-70m-v0", suites))
    143
    """
    suite = declared_by(repository, suites)
    early = () if repository.endswith("-v0") else suite.early
    steps = (*early, *suite.steps_of(repository))
    return [suite.branch_of(step, repository) for step in steps]


def declared_by(repository: str, suites: Mapping[str, Declaration]) -> Declaration:
    """Return the suite that declares a repository; where none does, Pythia."""
    found = (own for own in suites.values() if repository in own.repositories())
    return next(found, suites["pythia"])


def scannable(repository: str, suites: Mapping[str, Declaration]) -> list[str]:
    """Return the checkpoints of a repository that ``labels.exclude`` may name: those of a scan.

    Of a repository that no suite declares, or only for its checkpoints, there are none.

    >>> suites = declarations(None)
    >>> scannable("EleutherAI/pythia-70m-v0", suites)[-1]
    'EleutherAI/pythia-70m-v0@step143000'
    >>> scannable("allenai/OLMo-2-0425-1B", suites), scannable("someone/model", suites)
    ([], [])
    """
    suite = declared_by(repository, suites)
    if repository not in suite.repositories() or suite.layout == "checkpoints":
        return []
    # As for `memorization.suite.pythia.repositories.check_exclusions`.
    steps = (*range(suite.steps[0]), *suite.steps_of(repository))
    return [pin_of(repository, suite.branch_of(step, repository)) for step in steps]


def check_steps(steps: Collection[int], known: Collection[int]) -> None:
    """Raise a `UserError` if a step that is asked for is none of those that there may be."""
    if unknown := sorted({*steps} - {*known}):
        near = sorted(sorted(known, key=lambda step: abs(step - unknown[0]))[:4])
        said = f"; near it are {', '.join(map(str, near))}" if near else ""
        raise UserError(f"--steps: {unknown[0]} is no checkpoint of these models{said}")


def verify(
    names: Sequence[str],
    suites: Mapping[str, Declaration],
    steps: Collection[int] | None,
    has_ranges: bool,
    measure: Measure | None = None,
) -> Verified:
    """Return what is wrong with the checkpoints of some repositories.

    Parameters
    ----------
    names : the repositories, which are compared with each other as well.
    suites : all that are declared, by name.
    steps : the checkpoints to verify; None: all that must be there, and all that are. Which must
        be there is known of declared suites, and taken to be Pythia's of others that name branches
        by the step alone.
    has_ranges : whether a few KB of each branch's weights are read as well.
    measure : of weights that are downloaded; None: none are.

    Raises
    ------
    UserError
        If the hub cannot be asked; what it told is kept for the next time. If none of the
        repositories has one of the steps, nor must have it.
    """
    last = {name: declared_by(name, suites).steps_of(name)[-1] for name in names}
    found = listed(names, last)
    named = {own.repository for own in found if own.name != "main" and not is_plain(own.name)}
    known = {name for suite in suites.values() for name in suite.repositories()}
    expected = {
        name: [] if name in named - known else expected_branches(name, suites) for name in names
    }
    if steps is not None:
        there = [own.name for own in found]
        known_steps = map(step_of, chain(there, *expected.values()))
        check_steps(steps, {step for step in known_steps if step is not None})
        wanted = {None, *steps}
        found = [own for own in found if step_of(own.name) in wanted]
        expected = {
            name: [branch for branch in own if step_of(branch) in wanted]
            for name, own in expected.items()
        }
    new = sum(not branch.is_kept for branch in found)
    print(cost(len(names), len(found), new, "Authorization" in headers(), has_ranges), flush=True)
    for suite in {own.suite: own for own in (declared_by(name, suites) for name in names)}.values():
        for unknown in suite.unknown:
            print(f"{suite.suite}: not known: {unknown}", flush=True)
    # Those that are here first, so that the time left is told from the hub's answers.
    order = {(own.repository, own.name): place for place, own in enumerate(found)}
    found.sort(key=lambda branch: not branch.is_kept)
    branches, kept = [], len(found) - new
    with progress("listings", len(found), "branches", kept) as advance:
        for branch in described(found):
            branches.append(branch)
            if len(branches) > kept:
                advance(1)
    branches.sort(key=lambda own: order[own.place])
    wrong = findings(branches, expected)
    unread = _embeddings(branches, wrong) if has_ranges else None
    measured = None if measure is None else _weights(branches, wrong, measure)
    may = frozenset(pin for name in names for pin in scannable(name, suites))
    return Verified(branches, wrong, unread, measured, may)


def cost(repositories: int, branches: int, new: int, has_token: bool, has_ranges: bool) -> str:
    """Return what a verification asks of the hub and how long its limits make that take.

    >>> print(cost(16, 2480, 2480, has_token=False, has_ranges=False))
    repositories: 16; branches: 2,480, of which listed before: 0; listings to ask for: 2,480, \
about 25 minutes at the hub's limit of 500 in 5 minutes (with HF_TOKEN 1,000)
    """
    rate = LISTINGS[has_token]
    said = (
        f"repositories: {repositories:,}; branches: {branches:,}, of which listed before: "
        f"{branches - new:,}; listings to ask for: {new:,}, about {_minutes(new, rate)} at the "
        f"hub's limit of {rate:,} in {WINDOW} minutes"
    )
    said += "" if has_token else f" (with HF_TOKEN {LISTINGS[True]:,})"
    if has_ranges:
        most, rate = REQUESTS * branches, ADDRESSES[has_token]
        said += (
            f"; parts of files: about {most:,}, about {_minutes(most, rate)} at {rate:,} in "
            f"{WINDOW} minutes"
        )
    return said


def _minutes(requests: int, rate: int) -> str:
    minutes = math.ceil(WINDOW * requests / rate)
    return "1 minute" if minutes == 1 else f"{minutes} minutes"


def _embeddings(branches: Sequence[Branch], wrong: list[Finding]) -> int:
    """Add what the embeddings tell to what is wrong; return of how many branches none was read."""
    pieces: list[Piece] = []
    with progress("embeddings", len(branches), "branches") as advance:
        for branch in branches:
            for ending in branch.formats:
                try:
                    values = embedding(branch, ending)
                except ValueError as error:
                    detail = f"{file_of(branch, ending)} {error}"
                    wrong.append(Finding(*branch.place, Kind.INCOMPLETE, detail))
                else:
                    pieces += [] if values is None else [Piece(branch, values, ending)]
            advance(1)
    wrong += of_embeddings(pieces, {each.place for each in wrong})
    read = {piece.branch.place for piece in pieces} | {each.place for each in wrong}
    return sum(branch.place not in read for branch in branches)


def _weights(
    branches: Sequence[Branch], wrong: list[Finding], measure: Measure
) -> dict[Branch, Measured]:
    """Add what the weights tell to what is wrong; return what was measured of the others."""
    accused = {each.place for each in wrong}
    left = [branch for branch in branches if branch.place not in accused]
    files = {tuple(branch.files[name] for name in branch.loaded) for branch in left}
    sizes = [sum(file.size for file in own) / 1e9 for own in files]
    print(
        f"weights: {len(left):,} branches; to download, less what was measured before: "
        f"{sum(sizes):,.2f} GB, one branch at a time on disk, {max(sizes, default=0):,.2f} GB at "
        "most",
        flush=True,
    )
    tokenizers = {
        repository: next((b for b in finals_first(own) if "tokenizer.json" in b.files), None)
        for repository, own in by_repository(branches).items()
    }
    measured: dict[Branch, Measured] = {}
    with progress("weights", len(left), "branches") as advance:
        for branch in left:
            try:
                measured[branch] = measure(branch, tokenizers[branch.repository])
            except ValueError as error:
                wrong.append(Finding(*branch.place, Kind.INCOMPLETE, str(error)))
            advance(1)
    wrong += of_weights(measured, accused)
    return measured
