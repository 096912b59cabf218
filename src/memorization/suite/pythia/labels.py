"""What was published of each sequence: who memorized it, a random sample of all, and counts."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as parquet
from pandas.util import hash_array

from memorization.errors import UserError
from memorization.protocol import CONTINUATION, SEQUENCE
from memorization.suite.declared.declaration import Declaration
from memorization.suite.hub import Repository, download
from memorization.suite.pythia.pieces import save_array
from memorization.suite.pythia.sequences import read_batches, read_sequences, whole_numbers

# Of the sequences that the sample or the labels call memorized, the share that both do: below the
# first it is said aloud, below the second they are not labels of one model. Who evaluates a model
# again, in another precision, finds some 80 to 90 % of it.
EXPECTED_AGREEMENT, LEAST_AGREEMENT = 0.9, 0.5
LARGEST_DEVIATION = 6.0

_ANOTHER_COMMIT = "pin another commit of the data set in pythia.revisions"
_NO_COUNTS = "pin another commit in pythia.revisions, or set pythia.published_counts to false"


def fetch_labels(
    evals: Repository, facts: Declaration, split: str, step: int | None, path: Path
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


def fetch_sample(sample: Repository, facts: Declaration, folder: Path) -> dict[str, int]:
    """Write the sample: sequences in order of their index, and what its own scores say of them.

    ``index.npy`` int64 [m]; ``tokens.npy`` uint16 [m, 64]; ``equal.npy`` uint8 [m, models], the
    tokens of the continuation that each model generates right, of which its score is the share.
    Returns and raises as `fetch_labels`.
    """
    paths = [download(sample, name) for name in sample.matching("data/train-*.parquet")]
    scores = [model.name.upper() for model in facts.labelled]
    found = read_sequences(paths, ("Index", "Tokens"), facts.population, scores)
    _check_rows(sample, "the sample", found.n_rows, facts.sample_rows)
    save_array(found.index, folder / "index.npy")
    save_array(found.tokens, folder / "tokens.npy")
    equal = np.round(found.scores * CONTINUATION).astype(np.uint8)
    # A score that is a little below 1 is of no whole number of tokens, and not of all.
    equal[found.scores < 1] = np.minimum(equal[found.scores < 1], CONTINUATION - 1)
    save_array(equal, folder / "equal.npy")
    return {"rows": found.n_rows, "sequences": len(found.index)}


def _check_rows(repository: Repository, what: str, n_rows: int, published: int | None) -> None:
    if published is not None and n_rows != published:
        raise UserError(
            f"{repository}: {what} has {n_rows:,} rows, but {published:,} were published; pin a "
            "commit that has them, in params.yaml: pythia.revisions: "
            f"{{{repository.name}: 40 hexadecimal digits}}"
        )


def check_evaluations(evals: Repository, sequences: dict[str, int]) -> None:
    """Check that what is known of a model grows, checkpoint by checkpoint.

    Not of all earlier evaluations it was published how many rows they have.

    Parameters
    ----------
    sequences : split -> sequences memorized, in order of the step.

    Raises
    ------
    UserError
        If at a checkpoint less than half as many are memorized as at the one before. A model
        forgets some of what it has memorized, but has seen more.
    """
    for (before, many), (split, n) in pairwise(sequences.items()):
        if 2 * n < many:
            raise UserError(
                f"{evals}: split {split} has {n:,} sequences, but the earlier {before} {many:,}; "
                f"it cannot be whole: {_ANOTHER_COMMIT}"
            )


def check_tokens(folder: Path) -> None:
    """Check that all labels and the sample have the same tokens at the same ``index``.

    Parameters
    ----------
    folder : of the suite, with labels and sample.

    Raises
    ------
    UserError
        If they have not, as where an ``index`` counts from 1, or in another order.
    """
    sample = folder / "sample"
    names, parts = ["the sample"], [np.load(sample / f"{name}.npy") for name in ("index", "tokens")]
    known = [(parts[0], _fingerprints(parts[1]))]
    for path in sorted((folder / "evals").glob("*.parquet")):
        for batch in read_batches(path, ["index", "tokens"]):
            names.append(f"the labels of {path.stem}")
            tokens = batch["tokens"].flatten().to_numpy().reshape(-1, SEQUENCE)
            known.append((batch["index"].to_numpy(), _fingerprints(tokens)))
    index, prints = map(np.concatenate, zip(*known, strict=True))
    source = np.repeat(np.arange(len(known)), [len(part) for part, _ in known])
    order = np.argsort(index, kind="stable")
    index, prints, source = index[order], prints[order], source[order]
    shared = index[1:] == index[:-1]
    differ = np.flatnonzero(shared & (prints[1:] != prints[:-1]))
    if len(differ):
        first = differ[0]
        raise UserError(
            f"index {index[first]} has other tokens in {names[source[first + 1]]} than in "
            f"{names[source[first]]}, and so have {len(differ):,} of {shared.sum():,} that occur "
            "in both; pin commits that belong together in pythia.revisions"
        )


def _fingerprints(tokens: np.ndarray) -> np.ndarray:
    """Return a number for each row, uint64 [n]; equal rows have equal ones, others do not."""
    words = np.ascontiguousarray(tokens, "<u2").view(np.uint64)
    weights = np.random.default_rng(0).integers(2**63, size=words.shape[1], dtype=np.uint64)
    return hash_array(words.ravel()).reshape(words.shape) @ (2 * weights + 1)


def agreements(
    folder: Path, facts: Declaration, models: Sequence[str], sample: Repository
) -> dict[str, dict[str, float]]:
    """Return, for each of some models, how far the sample and the labels agree.

    Says aloud where the two can hardly both be what they are said to be.

    Parameters
    ----------
    folder : of the suite, with labels and sample.

    Raises
    ------
    UserError
        If they cannot be of the same model.
    """
    index = np.load(folder / "sample" / "index.npy")
    memorized = np.load(folder / "sample" / "equal.npy", mmap_mode="r") == CONTINUATION
    places = {model.name: place for place, model in enumerate(facts.labelled)}
    found = {}
    for model in models:
        labels = parquet.read_table(folder / "evals" / f"{model}.parquet", columns=["index"])
        known = labels["index"].to_numpy()
        result = sample_agreement(index, memorized[:, places[model]], known, facts.population)
        found[model] = result
        share = result["share_both"]
        said = (
            f"{sample}: of its sequences that its scores or the published labels call memorized by "
            f"{model}, both do of only {share:.2%}"
        )
        if share < LEAST_AGREEMENT:
            raise UserError(
                f"{said}, so they are not of the same model; at least {LEAST_AGREEMENT:.0%} are "
                f"expected: pin other commits in pythia.revisions"
            )
        if share < EXPECTED_AGREEMENT:
            print(f"WARNING: {said}", file=sys.stderr)
        if abs(result["deviation"]) > LARGEST_DEVIATION:
            print(
                f"WARNING: {sample}: its number of sequences that {model} has memorized is "
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
    source; ``share_both`` of these (1 if there are none): nearly all others are memorized by
    neither, whatever the labels are of; ``deviation``: how many standard deviations the
    number of the sample's memorized sequences (by the labels) is off what a uniform sample without
    replacement has (hypergeometric).

    >>> complete = np.array([True, True, False, False])
    >>> sample_agreement(np.arange(0, 8, 2), complete, np.array([0, 7]), 8)
    {'both': 1, 'sample_only': 1, 'labels_only': 0, 'share_both': 0.5, 'deviation': 0.0}
    """
    labelled = np.isin(index, memorized)
    m, k = len(index), len(memorized)
    share = k / population
    variance = m * share * (1 - share) * (population - m) / max(population - 1, 1)
    both, either = int((labelled & complete).sum()), int((labelled | complete).sum())
    off = labelled.sum() - m * share
    return {
        "both": both,
        "sample_only": int((~labelled & complete).sum()),
        "labels_only": int((labelled & ~complete).sum()),
        "share_both": both / either if either else 1.0,
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
        If a sequence has no count or several, or one that is not of the population has.
    """
    most = {"sequence_id": population - 1, "counts": np.iinfo(np.uint32).max}
    counts, n_rows = np.zeros(population, np.uint32), 0
    for index, count in _columns(repository, f"data/{variant}-*.parquet", most):
        counts[index] = count
        n_rows += len(index)
    missing = int((counts == 0).sum())
    if missing or n_rows != population:
        raise UserError(
            f"{repository}: {missing:,} of {population:,} sequences have no count, and there are "
            f"{n_rows:,} rows, but each must have one; {_NO_COUNTS}"
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
        If one of the parts is missing, counts nothing, or counts a token twice.
    """
    # Sums of two counts, which are less than 2^40 in all of the Pile, stay whole numbers.
    most = {"TokenID": np.iinfo(np.uint32).max, "Frequency": 2**48}
    total = np.zeros(vocabulary, np.int64)
    for split in ("memorized", "non_memorized"):
        pattern = f"data/{split}-*.parquet"
        parts = [np.stack(columns) for columns in _columns(repository, pattern, most)]
        token, count = np.concatenate([np.empty((2, 0), np.int64), *parts], axis=1)
        # Beyond the vocabulary are the counting script's spare places.
        known = token < vocabulary
        if len(np.unique(token)) < len(token) or not count[known].any():
            raise UserError(
                f"{repository}: {pattern}: every count is 0, or a token has several; {_NO_COUNTS}"
            )
        total[token[known]] += count[known]
    save_array(total, path)
    return {"tokens": int(total.sum())}


def _columns(
    repository: Repository, pattern: str, most: dict[str, int]
) -> Iterator[list[np.ndarray]]:
    for name in repository.matching(pattern):
        path = download(repository, name)
        for batch in read_batches(path, list(most)):
            yield [whole_numbers(batch[key], key, path, limit) for key, limit in most.items()]
