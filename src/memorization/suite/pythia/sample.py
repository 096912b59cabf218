"""The published random sample of training sequences, and whether it agrees with the labels."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow.parquet as parquet

from memorization.errors import UserError
from memorization.suite.hub import Repository, download, list_files
from memorization.suite.pythia.arrays import save_array
from memorization.suite.pythia.facts import Facts
from memorization.suite.pythia.sequences import merge, write_arrays

# Sizes of disagreement that are said aloud.
LEAST_AGREEMENT = 0.99
LARGEST_DEVIATION = 6.0


def fetch_sample(sample: Repository, facts: Facts, folder: Path) -> dict[str, int]:
    """Write the sample: sequences in order of their index, and what its own scores say of them.

    ``index.npy`` int64 [m]; ``tokens.npy`` uint16 [m, 64]; ``memorized.npy`` bool [m, models], true
    where a model's score is 1: the share of the continuation's tokens that it generates right.

    Returns
    -------
    ``rows`` of the published files and ``sequences`` written.

    Raises
    ------
    UserError
        If the files are damaged, their rows are not as many as published, or they hold a sequence
        that is not in the training data.
    """
    paths = [download(sample, name) for name in list_files(sample, "data/train-*.parquet")]
    scratch = folder / "scratch"
    columns = [model.name.upper() for model in facts.models]
    try:
        merged = merge(paths, "Index", "Tokens", scratch, columns)
        if merged.n_rows != facts.sample_rows:
            raise UserError(
                f"{sample}: {merged.n_rows:,} rows, but {facts.sample_rows:,} were published; pin "
                "a commit that has them, in params.yaml: pythia.revisions: "
                f"{{{sample.name}: 40 hexadecimal digits}}"
            )
        if merged.index[-1] >= facts.population:
            raise UserError(
                f"{sample}: holds index {merged.index[-1]:,}, but there are only "
                f"{facts.population:,} training sequences; pin another commit in pythia.revisions"
            )
        write_arrays(merged, folder / "index.npy", folder / "tokens.npy")
        save_array(merged.extra[merged.order] == 1, folder / "memorized.npy")
    finally:
        scratch.unlink(missing_ok=True)
    return {"rows": merged.n_rows, "sequences": len(merged.index)}


def agreements(
    folder: Path, facts: Facts, target: str, sample: Repository
) -> dict[str, dict[str, float]]:
    """Return, for the target and every smaller model, how far the sample and the labels agree.

    Says aloud where they do not.

    Parameters
    ----------
    folder : of the suite, with labels and sample.
    sample : where the sample is from.
    """
    index = np.load(folder / "sample" / "index.npy")
    memorized = np.load(folder / "sample" / "memorized.npy", mmap_mode="r")
    found = {}
    for place, model in enumerate(facts.up_to(target)):
        labels = parquet.read_table(folder / "evals" / f"{model.name}.parquet", columns=["index"])
        known = labels["index"].to_numpy()
        found[model.name] = sample_agreement(index, memorized[:, place], known, facts.population)
    _say(sample, found)
    return found


def sample_agreement(
    index: np.ndarray, complete: np.ndarray, memorized: np.ndarray, population: int
) -> dict[str, float]:
    """Return how far two sources agree on what a model has memorized.

    Parameters
    ----------
    index : int64 [m], the sample's sequences.
    complete : bool [m], whether the sample's score says that all 32 tokens are right.
    memorized : int64, ``index`` of what the labels call memorized, in the whole population.
    population : number of sequences.

    Returns
    -------
    ``both``, ``sample_only``, ``labels_only``: sequences of the sample that are memorized by either
    source; ``share_equal`` of all of the sample; ``deviation``: how many standard deviations the
    number of the sample's memorized sequences (by the labels) is off what a uniform sample without
    replacement has (hypergeometric).

    >>> complete = np.array([True, True, False, False])
    >>> sample_agreement(np.arange(0, 8, 2), complete, np.array([0, 7]), 8)
    {'both': 1, 'sample_only': 1, 'labels_only': 0, 'share_equal': 0.75, 'deviation': 0.0}
    """
    labelled = np.isin(index, memorized)
    m, k = len(index), len(memorized)
    share = k / population
    variance = m * share * (1 - share) * (population - m) / max(population - 1, 1)
    off = labelled.sum() - m * share
    return {
        "both": int((labelled & complete).sum()),
        "sample_only": int((~labelled & complete).sum()),
        "labels_only": int((labelled & ~complete).sum()),
        "share_equal": float((labelled == complete).mean()),
        "deviation": float(off / np.sqrt(variance)) if variance > 0 else 0.0,
    }


def _say(sample: Repository, found: Mapping[str, dict[str, float]]) -> None:
    """Warn where the sample and the labels cannot both be what they are said to be."""
    for model, result in found.items():
        if result["share_equal"] < LEAST_AGREEMENT:
            print(
                f"WARNING: {sample}: its scores of {model} agree with the published labels for "
                f"only {result['share_equal']:.2%} of the sequences",
                file=sys.stderr,
            )
        if abs(result["deviation"]) > LARGEST_DEVIATION:
            print(
                f"WARNING: {sample}: its number of sequences that {model} has memorized is "
                f"{result['deviation']:+.1f} standard deviations off that of a uniform sample; "
                "weights correct the shares of memorized and other sequences, but not whatever "
                "else is not uniform",
                file=sys.stderr,
            )
