"""The rows that are scored, and how a whole population becomes a few of them without loss."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from memorization.errors import UserError
from memorization.harness.sample import FOLDS, Sample, default_fold

Predict = Callable[[np.ndarray], np.ndarray]

# Sequences in memory at once.
BATCH = 2**20

# What a decision is compared with, once it is a number: false is 0 and true is 1.
YES = 1.0


@dataclass(frozen=True)
class Rows:
    """Sequences, or groups of sequences that no metric can tell apart.

    Attributes
    ----------
    truth : bool [n], memorized.
    score : float64 [n]; of a predictor that decides, 0 and 1.
    weight : float64 [n], population sequences that a row stands for.
    fold : int [n], of the choice of thresholds.
    is_score : whether the predictor gives scores and does not decide by itself.
    cluster : int [n], rows of the same text; None where there is nothing to resample.
    """

    truth: np.ndarray
    score: np.ndarray
    weight: np.ndarray
    fold: np.ndarray
    is_score: bool
    cluster: np.ndarray | None = None


def sample_rows(predict: Predict, memorized: np.ndarray, population: int, sample: Sample) -> Rows:
    """Return the sequences of a sample, one a row, with weights that lead to the population.

    Parameters
    ----------
    predict : index int64 [n] -> bool or float64 [n].
    memorized : int64, ``index`` of the memorized sequences.
    population : number of sequences.
    """
    truth = np.isin(sample.index, memorized)
    weight = sample.weights_for(truth, population, len(memorized))
    answer = predict(sample.index)
    return Rows(
        truth,
        answer.astype(np.float64),
        weight,
        sample.fold,
        answer.dtype != np.bool_,
        sample.cluster,
    )


def population_rows(
    predict: Predict, memorized: np.ndarray, population: int, threshold: float | None = None
) -> Rows:
    """Return the whole population, exactly, in rows that fit into memory.

    Ranking metrics compare the memorized sequences with all others: of these it only matters
    between which scores of memorized ones they lie, and how many do. So with m distinct scores of
    memorized sequences there are 2 m + 1 groups of scores, however large the population, and the
    metrics of the groups, weighted by their sizes, are those of the population. In memory are the
    memorized sequences and one batch of the others.

    Parameters
    ----------
    predict : index int64 [b] -> bool or float64 [b]; asked once of each sequence.
    memorized : int64, ``index`` of the memorized sequences, ascending, each once.
    population : number of sequences.
    threshold : that will be applied, so that no group straddles it.

    Examples
    --------
    >>> rows = population_rows(lambda index: index / 10, np.array([4, 6]), 1000)
    >>> int(rows.weight[rows.truth].sum()), int(rows.weight.sum()), len(rows.score) < 30
    (2, 1000, True)
    """
    answer = predict(memorized)
    kinds = {answer.dtype != np.bool_} if len(memorized) else set()
    edges = np.unique(
        np.append(answer.astype(np.float64), [YES, YES if threshold is None else threshold])
    )
    positive = _tally(answer, memorized, edges)
    negative = np.zeros_like(positive)
    for start in range(0, population, BATCH):
        index = _others(memorized, start, min(start + BATCH, population))
        if len(index):
            answer = predict(index)
            kinds.add(answer.dtype != np.bool_)
            negative += _tally(answer, index, edges)
    if len(kinds) > 1:
        raise UserError("the predictor answers sometimes with true or false, sometimes with scores")
    truth, fold, group = np.nonzero([negative, positive])
    weight = np.array([negative, positive], dtype=np.float64)[truth, fold, group]
    return Rows(truth.astype(bool), _representatives(edges)[group], weight, fold, kinds == {True})


def _others(memorized: np.ndarray, start: int, stop: int) -> np.ndarray:
    """Return the indices from start to stop that are not memorized."""
    keep = np.ones(stop - start, bool)
    low, high = np.searchsorted(memorized, [start, stop])
    keep[memorized[low:high] - start] = False
    return start + np.flatnonzero(keep)


def _tally(answer: np.ndarray, index: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Return how many answers of each fold are at each edge and between edges, int [fold, group].

    Group 2 k + 1 is edge k itself, group 2 k what lies below it and above the edge before.
    """
    score = answer.astype(np.float64)
    below = np.searchsorted(edges, score)
    at = edges[np.minimum(below, len(edges) - 1)] == score
    groups = 2 * len(edges) + 1
    cell = default_fold(index) * groups + 2 * below + at
    return np.bincount(cell, minlength=FOLDS * groups).reshape(FOLDS, groups)


def _representatives(edges: np.ndarray) -> np.ndarray:
    """Return a score for each group, in the same order as the scores of its members."""
    between = np.concatenate([[-np.inf], np.nextafter(edges, np.inf)])
    scores = np.empty(2 * len(edges) + 1)
    scores[0::2], scores[1::2] = between, edges
    return scores
