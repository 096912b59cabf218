"""``memorization verify-checkpoints``: which branches, what it costs, what was found of them."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from memorization.errors import UserError
from memorization.params import Params
from memorization.progress import progress
from memorization.suite.hub.asking import headers
from memorization.suite.pythia.facts import Facts, read_facts
from memorization.suite.pythia.repositories import model_repository
from memorization.verification.branches import Branch, Finding, Kind
from memorization.verification.embeddings import Piece, file_of, jumps, sharing
from memorization.verification.findings import findings
from memorization.verification.listings import described, embedding, listed

# Requests in five minutes, without an account and with one: for listings, and for the addresses of
# files (the hub's documentation, "Rate limits").
LISTINGS, ADDRESSES, WINDOW = (500, 1000), (3000, 5000), 5
# Checkpoints of the second release before the evenly spaced ones (README of EleutherAI/pythia).
EARLY = (0, *(2**power for power in range(10)))
# An embedding is told from two requests, each for an address first.
REQUESTS = 2


@dataclass(frozen=True)
class Verified:
    """What was looked at and what was found.

    Attributes
    ----------
    branches : with what each holds.
    findings : what is wrong.
    unread : branches whose embedding could not be told; None: none was asked for.
    """

    branches: list[Branch]
    findings: list[Finding]
    unread: int | None

    @property
    def excluded(self) -> dict[str, list[int]]:
        """Repository -> the steps that should not be studied, ascending."""
        steps: dict[str, set[int]] = {}
        for finding in self.findings:
            if finding.step is not None:
                steps.setdefault(finding.repository, set()).add(finding.step)
        return {repository: sorted(own) for repository, own in sorted(steps.items())}


def repositories(
    params: Params,
    facts: Facts,
    models: Sequence[str],
    variants: Sequence[str],
    releases: Sequence[str],
) -> list[str]:
    """Return the repositories to verify.

    Parameters
    ----------
    facts : of the suite that the params name.
    models : names of the suite's, or repositories as ``owner/name``; none: all of the suite's.
    variants, releases : of the suite's models; none: those of params.yaml.

    Raises
    ------
    UserError
        If there is no such model, variant or release.
    """
    known = [model.name for model in facts.models]
    for model in models:
        if model not in known and not re.fullmatch(r"[\w.-]+/[\w.-]+", model):
            raise UserError(
                f"--models: '{model}' is none of {', '.join(known)}; of other suites, name the "
                "repository as OWNER/NAME"
            )
    found = [
        model_repository(model, variant, release)
        for model in (models or known)
        if "/" not in model
        for variant in (variants or [params.variant])
        for release in (releases or [params.pythia.models])
    ]
    return list(dict.fromkeys([*found, *(model for model in models if "/" in model)]))


def expected_steps(repository: str, facts: Facts) -> list[int]:
    """Return the steps that a repository must have branches of, ascending.

    The first release of EleutherAI's suite has the evenly spaced ones only.

    >>> expected_steps("EleutherAI/pythia-70m", read_facts(None))[:4]
    [0, 1, 2, 4]
    >>> len(expected_steps("EleutherAI/pythia-70m-v0", read_facts(None)))
    143
    """
    has_early = facts == read_facts(None) and not repository.endswith("-v0")
    return [*(EARLY if has_early else ()), *facts.steps]


def verify(
    names: Sequence[str], facts: Facts, steps: Collection[int] | None, has_ranges: bool
) -> Verified:
    """Return what is wrong with the checkpoints of some repositories.

    Parameters
    ----------
    names : the repositories, which are compared with each other as well.
    steps : the checkpoints to verify; None: all that must be there, and all that are.
    has_ranges : whether a few KB of each branch's weights are read as well.

    Raises
    ------
    UserError
        If the hub cannot be asked; what it told is kept for the next time.
    """
    expected = {name: sorted(steps or expected_steps(name, facts)) for name in names}
    found = listed(names, steps, facts.steps[-1])
    new = sum(not branch.is_kept for branch in found)
    print(cost(len(names), len(found), new, "Authorization" in headers(), has_ranges), flush=True)
    # Those that are here first, so that the time left is told from the hub's answers.
    found.sort(key=lambda branch: not branch.is_kept)
    branches, kept = [], len(found) - new
    with progress("listings", len(found), "branches", kept) as advance:
        for branch in described(found):
            branches.append(branch)
            if len(branches) > kept:
                advance(1)
    last = math.inf  # main comes after all steps
    place = {name: number for number, name in enumerate(names)}
    branches.sort(key=lambda own: (place[own.repository], last if own.step is None else own.step))
    wrong = findings(branches, expected)
    return _with_embeddings(branches, wrong) if has_ranges else Verified(branches, wrong, None)


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
            f"; parts of files: at most {most:,}, about {_minutes(most, rate)} at {rate:,} in "
            f"{WINDOW} minutes"
        )
    return said


def _minutes(requests: int, rate: int) -> str:
    minutes = math.ceil(WINDOW * requests / rate)
    return "1 minute" if minutes == 1 else f"{minutes} minutes"


def _with_embeddings(branches: list[Branch], wrong: list[Finding]) -> Verified:
    pieces, unread = [], 0
    with progress("embeddings", len(branches), "branches") as advance:
        for branch in branches:
            try:
                values = embedding(branch)
            except ValueError as error:
                detail = f"{file_of(branch)} {error}"
                wrong.append(Finding(branch.repository, branch.name, Kind.INCOMPLETE, detail))
            else:
                unread += values is None
                pieces += [] if values is None else [Piece(branch, values)]
            advance(1)
    wrong = wrong + sharing(pieces, {(each.repository, each.branch) for each in wrong})
    wrong += jumps(pieces, {(each.repository, each.branch) for each in wrong})
    return Verified(branches, wrong, unread)
