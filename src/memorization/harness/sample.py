"""The sequences on which a predictor is asked: a weighted sample, or the whole population."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as parquet

from memorization.errors import UserError
from memorization.files import read_kept, replacing
from memorization.harness.predictions import Asked
from memorization.protocol import SEQUENCE
from memorization.suite import Suite
from memorization.suite.read import labelled
from memorization.tables import SEQUENCES, SPLITS, read_table, token_matrix

# Folds for the choice of a threshold where no better ones are known: every fifth sequence.
FOLDS = 5

# Sequences of a population in memory at once, and sequences decoded at once.
BATCH, DECODED = 2**20, 2**14

# What a decision is compared with, once it is a number: false is 0 and true is 1.
YES = 1.0


@dataclass(frozen=True)
class Sample:
    """A weighted sample of the population.

    Attributes
    ----------
    index : int64 [n], ascending.
    weight : float [n], population sequences that a row stands for.
    fold : int [n], of the choice of thresholds.
    cluster : int [n], rows of the same text, resampled whole; None where texts were not compared,
        and then there are no intervals.
    """

    index: np.ndarray
    weight: np.ndarray
    fold: np.ndarray
    cluster: np.ndarray | None = None

    @staticmethod
    def read(study: str | Path, suite: Suite | None = None) -> Sample:
        """Return the sample that a study drew, from its results folder (of ``split``, if it ran).

        Raises
        ------
        UserError
            If there is no sample, or it is not of the suite, where one is given: by its tokens, and
            by the sequences that it was told its target has memorized.
        """
        study = Path(study)
        table = read_table(study / "sequences.parquet", SEQUENCES)
        table = table.sort_values("index", ignore_index=True)
        if suite is not None and not _is_of(table, suite, studied_target(study)):
            raise UserError(
                f"{study}: its sample is not of the suite in {suite.folder}; name the results "
                "folder of that suite (--study), or predict the whole population"
            )
        index, weight = table["index"].to_numpy(), table["weight"].to_numpy()
        if not (study / "splits.parquet").exists():
            return Sample(index, weight, index % FOLDS)
        splits = read_table(study / "splits.parquet", SPLITS).sort_values("index")
        if not np.array_equal(splits["index"], index):
            raise UserError(
                f"{study}: sequences.parquet and splits.parquet are of different runs; run "
                "`dvc repro split`"
            )
        return Sample(index, weight, splits["fold"].to_numpy(), splits["cluster"].to_numpy())

    def weights_for(self, memorized: np.ndarray, population: int, positives: int) -> np.ndarray:
        """Return the weights, calibrated to how many sequences a target has memorized.

        The sample was drawn for one target, whose positives it represents exactly. It is a weighted
        sample of the population for any other as well, but recovers the number of its positives
        with error only; as that number is known, the weights of positives and of negatives are
        scaled to it (post-stratification, Holt & Smith 1979). For the target of the study nothing
        changes. ``memorized`` is bool [n], ``positives`` how many there are in the population.

        Raises
        ------
        UserError
            If the target has memorized some sequences and the sample holds none of them.
        """
        if positives and not memorized.any():
            raise UserError(
                f"the study's sample holds none of the {positives:,} sequences that this target "
                "has memorized; predict the whole population, or study this target (dvc exp run)"
            )
        weight = self.weight.copy()
        for rows, size in ((memorized, positives), (~memorized, population - positives)):
            if rows.any():
                weight[rows] *= size / weight[rows].sum()
        return weight


def _is_of(table: pd.DataFrame, suite: Suite, target: str | None) -> bool:
    """Return whether sampled sequences are those of a suite; their target may be told or not."""
    index = table["index"].to_numpy()
    try:
        tokens = suite.tokens(index)
    except (IndexError, UserError):  # it has no such sequence
        return False
    if not np.array_equal(tokens, token_matrix(table["tokens"])):
        return False
    # A census is no sample of cases.
    if not table["case"].any() or target not in labelled(suite):
        return True
    return np.array_equal(np.isin(index, suite.memorized(target)), table["case"])


@dataclass(frozen=True)
class Rows:
    """What is scored: n sequences, or groups of sequences that no metric can tell apart.

    ``truth``, bool, says whether they are memorized; ``score`` is 0 and 1 of a predictor that
    decides; the others are as of a `Sample`.
    """

    truth: np.ndarray
    score: np.ndarray
    weight: np.ndarray
    fold: np.ndarray
    cluster: np.ndarray | None = None


def sample_rows(predict: Asked, memorized: np.ndarray, population: int, sample: Sample) -> Rows:
    """Return the sequences of a sample, one a row; ``memorized`` is the index of those that are."""
    truth = np.isin(sample.index, memorized)
    weight = sample.weights_for(truth, population, len(memorized))
    return Rows(truth, predict(sample.index), weight, sample.fold, sample.cluster)


def population_rows(
    predict: Asked,
    memorized: np.ndarray,
    population: int,
    threshold: float | None = None,
    members: np.ndarray | None = None,
) -> Rows:
    """Return the whole population, exactly, in rows that fit into memory.

    Ranking metrics compare the memorized sequences with all others: of these it only matters
    between which scores of memorized ones they lie, and how many do. So with m distinct scores of
    memorized sequences there are 2 m + 1 groups of scores, however large the population, and the
    metrics of the groups, weighted by their sizes, are those of the population. In memory are the
    memorized sequences (``index``, ascending, each once) and one batch of the others. No group
    straddles the threshold that will be applied. Each sequence is asked of once. ``members`` are
    the ``index`` of the population, ascending; None: 0, 1, 2, …

    >>> rows = population_rows(Asked(lambda index: index / 10), np.array([4, 6]), 1000)
    >>> int(rows.weight[rows.truth].sum()), int(rows.weight.sum()), len(rows.score) < 30
    (2, 1000, True)
    """
    scores = predict(memorized)
    edges = np.unique(np.append(scores, [YES, YES if threshold is None else threshold]))
    positive = _tally(scores, memorized, edges)
    negative = np.zeros_like(positive)
    for start in range(0, population, BATCH):
        end = min(start + BATCH, population)
        index = np.arange(start, end) if members is None else members[start:end]
        low, high = np.searchsorted(memorized, [index[0], index[-1] + 1])
        index = np.delete(index, np.searchsorted(index, memorized[low:high]))
        negative += _tally(predict(index), index, edges)
    truth, fold, group = np.nonzero([negative, positive])
    weight = np.array([negative, positive], dtype=np.float64)[truth, fold, group]
    # A score for each group, in the same order as the scores of its members.
    representative = np.empty(2 * len(edges) + 1)
    representative[1::2] = edges
    representative[0::2] = np.concatenate([[-np.inf], np.nextafter(edges, np.inf)])
    return Rows(truth.astype(bool), representative[group], weight, fold)


def _tally(scores: np.ndarray, index: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Return how many scores of each fold are at each edge and between edges, int [fold, group].

    Group 2 k + 1 is edge k itself, group 2 k what lies below it and above the edge before.
    """
    below = np.searchsorted(edges, scores)
    at = edges[np.minimum(below, len(edges) - 1)] == scores
    groups = 2 * len(edges) + 1
    cell = index % FOLDS * groups + 2 * below + at
    return np.bincount(cell, minlength=FOLDS * groups).reshape(FOLDS, groups)


def studied_target(study: str | Path) -> str | None:
    """Return the name of the target that a results folder is about; None where it does not say."""
    return read_kept(Path(study) / "metrics/labels.json").get("target")


def tables_of(study: Path) -> list[Path]:
    """Return the files of a results folder that are read here."""
    return [study / "sequences.parquet", study / "splits.parquet", study / "metrics/labels.json"]


def write_sequences(suite: Suite, index: np.ndarray, path: str | Path) -> None:
    """Write what a predictor may look at: ``index``, its 64 ``tokens`` and their ``text``.

    A Parquet file in order of ``index``, which is that of training, whole or not at all. The
    sample's weights are left out on purpose: they are small for the memorized. A token that holds
    part of a character is decoded as U+FFFD.

    Raises
    ------
    UserError
        If the folder of the file does not exist, it is to be no Parquet file, or the tokens are not
        known.
    """
    path, index = Path(path), np.sort(index).astype(np.int64)
    if path.suffix.lower() != ".parquet":
        raise UserError(f"{path}: is written as Parquet; let its name end with .parquet")
    if not path.parent.is_dir():
        raise UserError(f"{path}: there is no folder {path.parent}; make it first")
    tokens = np.ascontiguousarray(suite.tokens(index), dtype=np.int32)
    text: list[str] = []
    for start in range(0, len(index), DECODED):
        batch = tokens[start : start + DECODED].tolist()
        text += suite.tokenizer.decode_batch(batch, skip_special_tokens=False)
    lists = pa.FixedSizeListArray.from_arrays(tokens.ravel(), SEQUENCE)
    table = pa.table({"index": index, "tokens": lists, "text": pa.array(text, pa.string())})
    with replacing(path) as partial:
        parquet.write_table(table, partial, compression="zstd")
