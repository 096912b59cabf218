"""What was published of each sequence: who memorized it, a random sample of all, and counts."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as parquet

from memorization.errors import UserError
from memorization.suite.hub import Repository, download
from memorization.suite.pythia.facts import Facts
from memorization.suite.pythia.pieces import save_array
from memorization.suite.pythia.sequences import read_batches, read_sequences, whole_numbers

# Sizes of disagreement that are said aloud.
LEAST_AGREEMENT = 0.99
LARGEST_DEVIATION = 6.0


def fetch_labels(
    evals: Repository, facts: Facts, split: str, step: int | None, path: Path
) -> dict[str, Any]:
    """Write what a model has memorized as Parquet, sorted, each index once.

    Parameters
    ----------
    split : ``duped.70m``, ``duped.12b.23000``, …
    step : of an earlier checkpoint; None: the end of training.

    Returns
    -------
    ``rows`` of the published files, ``sequences`` written; for an earlier checkpoint those are left
    out that it has not seen.

    Raises
    ------
    UserError
        If there is no such split, its files are damaged, their rows are not as many as published,
        or they hold a sequence that is not in the training data.
    """
    paths = [download(evals, name) for name in evals.matching(f"data/{split}-*.parquet")]
    found = read_sequences(paths, ("index", "tokens"), facts.population)
    _check_rows(evals, f"split {split}", found.n_rows, facts.rows.get(split))
    if step is not None:
        found = found.below(step * facts.sequences_per_step)
    found.write(path)
    return {"rows": found.n_rows, "sequences": len(found.index)}


def fetch_sample(sample: Repository, facts: Facts, folder: Path) -> dict[str, int]:
    """Write the sample: sequences in order of their index, and what its own scores say of them.

    ``index.npy`` int64 [m]; ``tokens.npy`` uint16 [m, 64]; ``memorized.npy`` bool [m, models], true
    where a model's score is 1: the share of the continuation's tokens that it generates right.
    Returns and raises as `fetch_labels`.
    """
    paths = [download(sample, name) for name in sample.matching("data/train-*.parquet")]
    scores = [model.name.upper() for model in facts.models]
    found = read_sequences(paths, ("Index", "Tokens"), facts.population, scores)
    _check_rows(sample, "the sample", found.n_rows, facts.sample_rows)
    save_array(found.index, folder / "index.npy")
    save_array(found.tokens, folder / "tokens.npy")
    save_array(found.scores == 1, folder / "memorized.npy")
    return {"rows": found.n_rows, "sequences": len(found.index)}


def _check_rows(repository: Repository, what: str, n_rows: int, published: int | None) -> None:
    if published is not None and n_rows != published:
        raise UserError(
            f"{repository}: {what} has {n_rows:,} rows, but {published:,} were published; pin a "
            "commit that has them, in params.yaml: pythia.revisions: "
            f"{{{repository.name}: 40 hexadecimal digits}}"
        )


def agreements(
    folder: Path, facts: Facts, target: str, sample: Repository
) -> dict[str, dict[str, float]]:
    """Return, for the target and every smaller model, how far the sample and the labels agree.

    Says aloud where the two cannot both be what they are said to be.

    Parameters
    ----------
    folder : of the suite, with labels and sample.
    """
    index = np.load(folder / "sample" / "index.npy")
    memorized = np.load(folder / "sample" / "memorized.npy", mmap_mode="r")
    found = {}
    for place, model in enumerate(facts.up_to(target)):
        labels = parquet.read_table(folder / "evals" / f"{model.name}.parquet", columns=["index"])
        known = labels["index"].to_numpy()
        result = sample_agreement(index, memorized[:, place], known, facts.population)
        found[model.name] = result
        if result["share_equal"] < LEAST_AGREEMENT:
            print(
                f"WARNING: {sample}: its scores of {model.name} agree with the published labels "
                f"for only {result['share_equal']:.2%} of the sequences",
                file=sys.stderr,
            )
        if abs(result["deviation"]) > LARGEST_DEVIATION:
            print(
                f"WARNING: {sample}: its number of sequences that {model.name} has memorized is "
                f"{result['deviation']:+.1f} standard deviations off that of a uniform sample; "
                "weights correct the shares of memorized and other sequences, but not whatever "
                "else is not uniform",
                file=sys.stderr,
            )
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


def fetch_duplicates(
    repository: Repository, variant: str, population: int, path: Path
) -> dict[str, Any]:
    """Write how often each sequence's continuation occurs, uint32 [population], as ``.npy``.

    Occurrences of its tokens 32 to 63, exact, at any offset of any row of the training data, itself
    included; row = ``index`` (usvsnsp/generation-num-duplicates; made by
    EleutherAI/semantic-memorization, working_dirs/orz/sequence_duplication).

    Raises
    ------
    UserError
        If a sequence has no count, or one that is not of the population has.
    """
    most = {"sequence_id": population - 1, "counts": np.iinfo(np.uint32).max}
    counts = np.zeros(population, np.uint32)
    for index, count in _columns(repository, f"data/{variant}-*.parquet", most):
        counts[index] = count
    missing = int((counts == 0).sum())
    if missing:
        raise UserError(
            f"{repository}: {missing:,} of {population:,} sequences have no count; pin another "
            "commit in pythia.revisions, or set pythia.published_counts to false"
        )
    save_array(counts, path)
    return {"sequences": population}


def fetch_token_counts(repository: Repository, vocabulary: int, path: Path) -> dict[str, Any]:
    """Write how often each token occurs in the training data, int64 [V], as ``.npy``.

    The published table is in two parts, tokens of memorized sequences and of others, which are
    added: apart they would tell which sequences are memorized.

    Raises
    ------
    UserError
        If no token occurs at all.
    """
    most = {"TokenID": np.iinfo(np.uint32).max, "Frequency": np.iinfo(np.int64).max}
    total = np.zeros(vocabulary, np.int64)
    for token, count in _columns(repository, "data/*.parquet", most):
        # Beyond the vocabulary are the counting script's spare places.
        known = token < vocabulary
        np.add.at(total, token[known], count[known])
    if not total.any():
        raise UserError(f"{repository}: every count is 0; pin another commit in pythia.revisions")
    save_array(total, path)
    return {"tokens": int(total.sum())}


def _columns(
    repository: Repository, pattern: str, most: dict[str, int]
) -> Iterator[list[np.ndarray]]:
    for name in repository.matching(pattern):
        path = download(repository, name)
        for batch in read_batches(path, list(most)):
            yield [whole_numbers(batch[key], key, path, limit) for key, limit in most.items()]
