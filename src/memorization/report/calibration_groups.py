"""Predicted and observed fractions in groups of like prediction, weighted to the population."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from memorization.evaluation.bootstrap import interval, replicate
from memorization.report.results import Results

# Between these probabilities lie the groups. Tenths of the population would put nearly all of the
# memorized into the last, tenths of the expected events nearly all into groups of almost 1.
EDGES = (1e-4, 1e-3, 1e-2, 0.1, 0.5, 0.9)


@dataclass(frozen=True)
class GroupedFractions:
    """One entry a group, from low predictions to high; groups without rows are left out.

    Attributes
    ----------
    predicted, observed : float [g], mean probability, and fraction memorized.
    low, high : float [g], of the observed fraction's interval; NaN: none.
    """

    predicted: np.ndarray
    observed: np.ndarray
    low: np.ndarray
    high: np.ndarray


def group_of(probability: np.ndarray) -> np.ndarray:
    """Return the group of each probability, int [n], numbered without gaps from low to high.

    >>> group_of(np.array([0.95, 0.00005, 0.2, 0.3])).tolist()
    [2, 0, 1, 1]
    """
    return np.unique(np.digitize(probability, EDGES), return_inverse=True)[1]


def grouped(results: Results, probability: np.ndarray, truth: np.ndarray) -> GroupedFractions:
    """Return the fractions of the sample, with intervals of the cluster bootstrap.

    Parameters
    ----------
    probability : float [n], out of fold; rows as ``results.sample``.
    truth : bool [n]
    """
    weight = results.sample["weight"].to_numpy()
    group = group_of(probability)
    member = np.eye(group.max() + 1)[group]

    def observed(hit: np.ndarray, _: None, weights: np.ndarray) -> np.ndarray:
        size = weights @ member
        return np.divide(
            (weights * hit) @ member, size, out=np.full(size.shape, np.nan), where=size > 0
        )

    replicates = replicate(observed, truth, None, weight, results.drawn)
    level = results.params.bootstrap.level
    low, high = np.array([interval(values, level) for values in replicates.T]).T
    predicted = (weight * probability) @ member / (weight @ member)
    return GroupedFractions(predicted, observed(truth, None, weight), low, high)
