"""What a run fetches from the hub, in bytes."""

from __future__ import annotations

from memorization.suite.pythia.facts import Facts, PublishedModel, split_name

# Measured: the files of the labels' first 18 splits are 3,026,587,565 bytes for 10,833,644,808 in
# memory, at 532 bytes a row (card of the data set at commit 805599f).
LABEL_BYTES = 3_026_587_565 / (10_833_644_808 / 532)
# Measured: download_size of the random sample, 915,501,044 for 5,000,000 rows (its card).
SAMPLE_BYTES = 915_501_044 / 5_000_000
# Measured: three files of 322 MB (duped) or 317 MB (deduped) for 146,432,000 rows.
COUNT_BYTES = 966e6 / 146_432_000
TOKENIZER_BYTES = 2_110_000

# Rows of 12b's earlier evaluations that the labels' card does not state: the same author's table
# (usvsnsp/semantic-filters-intermediate), which a few repeated indices may make larger; 43000 of
# deduped is the remainder of the card's total.
_NEARLY = {
    "duped.12b.63000": 724_678,
    "duped.12b.83000": 1_068_501,
    "duped.12b.103000": 1_510_459,
    "duped.12b.123000": 1_996_011,
    "deduped.12b.23000": 163_418,
    "deduped.12b.43000": 358_863,
    "deduped.12b.103000": 1_195_578,
    "deduped.12b.123000": 1_564_055,
}


def download_sizes(
    variant: str, target: str, facts: Facts, reference: str | None = None
) -> dict[str, int]:
    """Return the bytes that each part of a run fetches.

    Measured from what the hub lists: ``sample``, ``published_counts``, and per row the labels.
    Estimated: the labels of one split (its rows at the mean of 18 splits), and checkpoints (two
    bytes a parameter and the masks saved with them; right to 1 % where the hub's listing is known).

    Parameters
    ----------
    reference : the model whose surprisal is a feature, when it is smaller than the target.

    Returns
    -------
    ``labels`` of the target and all smaller models, ``earlier_labels`` of the target,
    ``sample``, ``tokenizer``, ``reference`` (one checkpoint), ``published_counts`` (by param),
    ``row`` (a whole training row, for the corpus or the context), ``checkpoint`` (one of the
    target's), ``scan`` (all of them).

    >>> from memorization.suite.pythia.facts import PUBLISHED
    >>> sizes = download_sizes("duped", "12b", PUBLISHED, "70m")
    >>> [round(sizes[part] / 1e9, 2) for part in ("labels", "earlier_labels", "sample", "scan")]
    [1.62, 0.88, 0.92, 3409.57]
    """
    models = facts.up_to(target)
    labels = [split_name(variant, model.name) for model in models]
    earlier = [split_name(variant, target, step) for step in facts.evaluated.get(target, ())]
    checkpoint = facts.model(target).checkpoint_bytes
    return {
        "labels": _labels(labels, facts),
        "earlier_labels": _labels(earlier, facts),
        "sample": round(SAMPLE_BYTES * facts.sample_rows),
        "tokenizer": TOKENIZER_BYTES,
        "reference": _reference(models, reference),
        "published_counts": round(COUNT_BYTES * facts.population),
        "row": 2 * facts.window,
        "checkpoint": checkpoint,
        "scan": checkpoint * len(facts.steps),
    }


def _labels(splits: list[str], facts: Facts) -> int:
    return round(LABEL_BYTES * sum(facts.rows.get(s, _NEARLY.get(s, 0)) for s in splits))


def _reference(models: list[PublishedModel], name: str | None) -> int:
    # The target itself is no reference.
    return sum(model.checkpoint_bytes for model in models[:-1] if model.name == name)
