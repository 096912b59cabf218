"""Which repositories of the hub a run reads, how they are named, and at which commit each is read.

A data set is known by its name; a model by its name and checkpoint, ``owner/name@stepK``, since its
checkpoints are the revisions of one repository. By these, ``pythia.revisions`` pins their commits.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from memorization.errors import UserError
from memorization.params import Params
from memorization.suite.hub import Repository, nearest, resolve
from memorization.suite.pythia.facts import Facts

# What each model has memorized: ``data/{split}-*.parquet`` with index int64, tokens
# list<int64>[64]; splits duped.70m … deduped.12b, and for 12b duped.12b.23000 … (its card).
EVALS = "EleutherAI/pythia-memorized-evals"

VARIANTS = ("duped", "deduped")

# For every sequence the number of occurrences of its continuation in the whole training data:
# ``data/{variant}-*.parquet`` with sequence_id, counts, both uint32 (card of the data set;
# EleutherAI/semantic-memorization, working_dirs/orz/sequence_duplication).
DUPLICATES = "usvsnsp/generation-num-duplicates"

# The Pile without the parts whose authors objected, as text: ``train/*.jsonl.zst`` (card).
RAW_TEXT = "monology/pile-uncopyrighted"


def sample_repository(variant: str) -> str:
    """Return the data set that is a uniform random sample of the training sequences.

    ``data/train-*.parquet`` with Index int64, Tokens list<uint16>[64] and, for each model, 70M …
    12B float64: the share of the continuation's 32 tokens that it generates right (card).
    """
    return f"EleutherAI/pile-{variant}-pythia-random-sampled"


def preshuffled_repository(variant: str) -> str:
    """Return the data set of the whole training data in training order, in Megatron's format.

    ``document-00000-of-00020.bin`` … ``document-00020-of-00020.bin``, uint16 without a header,
    which are one file cut anywhere; and ``document.idx`` (README, "Reproducing Training").
    """
    return f"EleutherAI/pile-{'standard' if variant == 'duped' else variant}-pythia-preshuffled"


def frequencies_repository(variant: str) -> str:
    """Return the data set of token counts over all of the training data.

    Splits memorized and non_memorized with TokenID, Frequency, of which only the sum is used: which
    part a token was counted in is the label itself (EleutherAI/semantic-memorization,
    filters/token_frequency_statistics_filter.py).
    """
    return f"usvsnsp/{variant}-num-frequencies"


def model_repository(model: str, variant: str, release: str) -> str:
    """Return the hub's name of a model; its checkpoints are the revisions ``stepK``.

    The published labels come from the first release, v0: the evaluation script loops over these
    names (EleutherAI/pythia, predictable-memorization/multinode_runner.sbatch), and the number of
    rows of duped.12b.23000 is that of a figure made before v1 existed. The v0 checkpoints of 160m,
    410m and 1.4b were trained with batches of 2048 sequences and are named by the number of
    sequences seen: its ``step1000`` is optimizer step 500, and has seen as much data as that of any
    other model (README, "Changelog").

    >>> model_repository("1.4b", "deduped", "v0")
    'EleutherAI/pythia-1.4b-deduped-v0'
    >>> model_repository("70m", "duped", "v1")
    'EleutherAI/pythia-70m'
    """
    deduped = "-deduped" if variant == "deduped" else ""
    return f"EleutherAI/pythia-{model}{deduped}{'-v0' if release == 'v0' else ''}"


def split_name(variant: str, model: str, step: int | None = None) -> str:
    """Return the split of the labels of a model, at an earlier checkpoint if a step is given.

    >>> split_name("duped", "12b", 23000)
    'duped.12b.23000'
    """
    return f"{variant}.{model}" + ("" if step is None else f".{step}")


def pin_of(model: str, revision: str) -> str:
    """Return the key in ``pythia.revisions`` of a checkpoint: a repository has many of them.

    >>> pin_of("EleutherAI/pythia-70m-v0", "step143000")
    'EleutherAI/pythia-70m-v0@step143000'
    """
    return f"{model}@{revision}"


def reference_of(params: Params, facts: Facts) -> str | None:
    """Return the reference model; None where it is not smaller than the target."""
    reference = facts.model(params.pythia.reference)
    smaller = reference.parameters < facts.model(params.target).parameters
    return reference.name if smaller else None


def resolve_all(params: Params, facts: Facts) -> dict[str, Repository]:
    """Return the repositories of a run by their names: one quick question to the hub for each.

    The last is a model at its last checkpoint, for the tokenizer and as the reference. What
    ``pythia.revisions`` does not pin is read at its newest commit, which is said.

    Raises
    ------
    UserError
        If a pin is of nothing that could be read, the hub cannot be reached, or lacks a repository.
    """
    pythia, variant = params.pythia, params.variant
    check_pins(pythia.revisions, facts)
    model = model_repository(reference_of(params, facts) or params.target, variant, pythia.models)
    wanted = {
        EVALS: True,
        sample_repository(variant): True,
        preshuffled_repository(variant): pythia.corpus == "preshuffled" or pythia.context,
        RAW_TEXT: pythia.corpus == "raw",
        DUPLICATES: pythia.published_counts,
        frequencies_repository(variant): pythia.published_counts,
        pin_of(model, f"step{facts.steps[-1]}"): True,
    }
    found, newest = {}, []
    for key in (key for key, is_wanted in wanted.items() if is_wanted):
        name, _, revision = key.partition("@")
        pin = pythia.revisions.get(key)
        found[name] = resolve("model" if revision else "dataset", name, revision or None, pin)
        if pin is None:
            newest.append(f"{key}: {found[name].commit}")
    if newest:
        print(
            "read at the newest commits; to read the same again, put them into params.yaml: "
            f"pythia.revisions: {{{', '.join(newest)}}}",
            flush=True,
        )
    return found


def check_pins(pins: Iterable[str], facts: Facts) -> None:
    """Check that every key of ``pythia.revisions`` is of something that a run may read.

    Of either variant and release. A misspelt key would pin nothing, without a word.

    Raises
    ------
    UserError
        If one is not; it names the nearest that are.

    >>> from memorization.suite.pythia.facts import PUBLISHED
    >>> check_pins(["EleutherAI/pythia-12b-v0@step1000"], PUBLISHED)
    """
    by_variant = (sample_repository, preshuffled_repository, frequencies_repository)
    datasets = [EVALS, DUPLICATES, RAW_TEXT, *(name(v) for name in by_variant for v in VARIANTS)]
    _check_names("pythia.revisions", pins, facts, datasets)


def check_exclusions(excluded: Iterable[str], facts: Facts) -> None:
    """Check that every key of ``labels.exclude`` is a checkpoint of the suite.

    Of either variant and release. Those before the first that a scan may read are allowed, as some
    of them are known to be wrong.

    Raises
    ------
    UserError
        If one is not; it names the nearest that are.

    >>> from memorization.suite.pythia.facts import PUBLISHED
    >>> check_exclusions(["EleutherAI/pythia-12b@step512"], PUBLISHED)
    """
    early = [f"step{step}" for step in range(facts.steps[0])]
    _check_names("labels.exclude", excluded, facts, early=early)


def _check_names(
    parameter: str,
    names: Iterable[str],
    facts: Facts,
    datasets: Sequence[str] = (),
    early: Sequence[str] = (),
) -> None:
    models = [
        model_repository(model.name, variant, release)
        for model in facts.models
        for variant in VARIANTS
        for release in ("v0", "v1")
    ]
    steps = [f"step{step}" for step in facts.steps]
    for key in names:
        name, _, step = key.partition("@")
        if key in datasets or (name in models and (step in steps or step in early)):
            continue
        if name in models:
            raise UserError(
                f"{parameter}: '{key}' is no checkpoint; those of {name} are named one by one, as "
                f"{pin_of(name, steps[-1])}; there are {nearest(steps, step, 4)}"
            )
        known = [*datasets, *(pin_of(model, steps[-1]) for model in models)]
        raise UserError(
            f"{parameter}: '{key}' is nothing that is read; there are {nearest(known, key, 4)}"
        )
