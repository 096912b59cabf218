"""Which repositories of the hub a run reads, each at one commit."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from memorization.errors import UserError
from memorization.params import Params
from memorization.suite.hub import Repository, resolve
from memorization.suite.hub.names import some
from memorization.suite.pythia.facts import (
    DUPLICATES,
    EVALS,
    RAW_TEXT,
    Facts,
    frequencies_repository,
    model_repository,
    preshuffled_repository,
    sample_repository,
)


@dataclass(frozen=True)
class Repositories:
    """What a run reads; None where it reads no such thing.

    Attributes
    ----------
    evals : the labels.
    sample : the random sample.
    model : a model at its last checkpoint, for the tokenizer and, if smaller than the target, as
        the reference.
    preshuffled, raw : text to count over, and whole training rows.
    duplicates, frequencies : counts by others.
    """

    evals: Repository
    sample: Repository
    model: Repository
    preshuffled: Repository | None
    raw: Repository | None
    duplicates: Repository | None
    frequencies: Repository | None

    @property
    def datasets(self) -> dict[str, str]:
        """Name of each data set -> its commit."""
        found = (
            self.evals,
            self.sample,
            self.preshuffled,
            self.raw,
            self.duplicates,
            self.frequencies,
        )
        return {repository.name: repository.commit for repository in found if repository}

    @property
    def commits(self) -> dict[str, str]:
        """Name of each repository -> its commit."""
        return self.datasets | {self.model.name: self.model.commit}


def reference_of(params: Params, facts: Facts) -> str | None:
    """Return the reference model; None where it is not smaller than the target."""
    reference = facts.model(params.pythia.reference)
    smaller = reference.parameters < facts.model(params.target).parameters
    return reference.name if smaller else None


def resolve_all(params: Params, facts: Facts) -> Repositories:
    """Return the repositories of a run: one quick question to the hub for each.

    What ``pythia.revisions`` does not pin is read at its newest commit, which is said.

    Raises
    ------
    UserError
        If a pin is of nothing that could be read, the hub cannot be reached, or lacks a repository.
    """
    pythia = params.pythia
    check_pins(pythia.revisions, facts)
    revision = f"step{facts.steps[-1]}"
    model = model_repository(
        reference_of(params, facts) or params.target, params.variant, pythia.models
    )
    newest: dict[str, str] = {}

    def dataset(name: str) -> Repository:
        found = resolve("dataset", name, pinned=pythia.revisions.get(name))
        if name not in pythia.revisions:
            newest[name] = found.commit
        return found

    rows = preshuffled_repository(params.variant)
    counts = frequencies_repository(params.variant)
    found = Repositories(
        evals=dataset(EVALS),
        sample=dataset(sample_repository(params.variant)),
        model=resolve("model", model, revision, pythia.revisions.get(pin_of(model, revision))),
        preshuffled=dataset(rows) if pythia.corpus == "preshuffled" or pythia.context else None,
        raw=dataset(RAW_TEXT) if pythia.corpus == "raw" else None,
        duplicates=dataset(DUPLICATES) if pythia.published_counts else None,
        frequencies=dataset(counts) if pythia.published_counts else None,
    )
    if pin_of(model, revision) not in pythia.revisions:
        newest[pin_of(model, revision)] = found.model.commit
    if newest:
        pins = ", ".join(f"{name}: {commit}" for name, commit in newest.items())
        print(
            "read at the newest commits; to read the same again, put them into params.yaml: "
            f"pythia.revisions: {{{pins}}}",
            flush=True,
        )
    return found


def pin_of(model: str, revision: str) -> str:
    """Return the key in ``pythia.revisions`` of a checkpoint: a repository has many of them.

    >>> pin_of("EleutherAI/pythia-70m-v0", "step143000")
    'EleutherAI/pythia-70m-v0@step143000'
    """
    return f"{model}@{revision}"


def check_pins(pins: Iterable[str], facts: Facts) -> None:
    """Check that every key of ``pythia.revisions`` is of something that a run may read.

    A data set is named by its repository; a model, of either variant and release, by its repository
    and checkpoint, as by `pin_of`. A misspelt key would pin nothing, without a word.

    Raises
    ------
    UserError
        If one is not; it names the nearest that are.

    >>> from memorization.suite.pythia.facts import PUBLISHED
    >>> check_pins(["EleutherAI/pythia-12b-v0@step1000"], PUBLISHED)
    """
    variants = ("duped", "deduped")
    models = [
        model_repository(model.name, variant, release)
        for model in facts.models
        for variant in variants
        for release in ("v0", "v1")
    ]
    by_variant = (sample_repository, preshuffled_repository, frequencies_repository)
    datasets = [EVALS, DUPLICATES, RAW_TEXT, *(name(v) for name in by_variant for v in variants)]
    steps = [f"step{step}" for step in facts.steps]
    for pin in pins:
        name, _, step = pin.partition("@")
        if pin in datasets or (name in models and step in steps):
            continue
        if name in models:
            raise UserError(
                f"pythia.revisions: '{pin}' is no checkpoint; {name} is pinned checkpoint by "
                f"checkpoint, as {pin_of(name, steps[-1])}; there are {some(steps, step, most=4)}"
            )
        known = [*datasets, *(pin_of(model, steps[-1]) for model in models)]
        raise UserError(
            f"pythia.revisions: '{pin}' is nothing that is read; there are "
            f"{some(known, pin, most=4)}"
        )
