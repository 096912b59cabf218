"""What every metric is made of: weighted sums over rows, their ratios, and work done once.

A bootstrap asks for the same metric under thousands of weights; what does not depend on them,
such as sorting, is done once (`PreparedMetric`).
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

# (truth, score, weight) -> the metric; of the weights alone, float [..., n] -> float [...].
Metric = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
OfWeights = Callable[[np.ndarray], np.ndarray]


class PreparedMetric:
    """A metric ``metric(truth, score, weight)``, split where the weights come in.

    Used as a decorator of ``prepare(truth, score)``, which returns the rest as a function of the
    weights. A bootstrap prepares once and sums for thousands of weights; see
    `memorization.evaluation.bootstrap`.

    >>> @PreparedMetric
    ... def recall_of_first(truth, score):
    ...     order = np.argsort(-score)
    ...     return lambda weight: weight[..., order[0]] * truth[order[0]] / (weight @ truth)
    >>> truth, score = np.array([True, True]), np.array([0.1, 0.9])
    >>> float(recall_of_first(truth, score, np.array([3.0, 1.0])))
    0.25
    """

    def __init__(self, prepare: Callable[[np.ndarray, np.ndarray], OfWeights]) -> None:
        """Take the function that prepares; its name and documentation become the metric's."""
        self.prepare = prepare
        functools.update_wrapper(self, prepare)

    def __call__(self, truth: np.ndarray, score: np.ndarray, weight: np.ndarray) -> np.ndarray:
        """Return the metric, float [...]."""
        return self.prepare(truth, score)(np.asarray(weight, dtype=np.float64))


def ratio(above: np.ndarray, below: np.ndarray, empty: float = np.nan) -> np.ndarray:
    """Return above / below, float [...]; ``empty`` where below is not positive.

    >>> ratio(np.array([1.0, 0.0]), np.array([4.0, 0.0])).tolist()
    [0.25, nan]
    """
    return np.divide(above, below, out=np.full(np.shape(below), empty), where=below > 0)


def weighted_mean(values: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Return the weighted mean of a value a row, float [...]; NaN where there is no weight.

    Parameters
    ----------
    values : bool or float [n]
    weight : float [..., n]

    >>> weighted_mean(np.array([1.0, 5.0]), np.array([[3.0, 1.0], [0.0, 0.0]])).tolist()
    [2.0, nan]
    """
    weight = np.asarray(weight, dtype=np.float64)
    return ratio(weight @ values.astype(np.float64), weight.sum(axis=-1))


@dataclass(frozen=True)
class GroupSums:
    """Which rows are summed into which group; a function of the weights.

    Attributes
    ----------
    rows : int [m], the rows of all groups, one group after the other.
    groups : int [q], the groups that hold any, ascending.
    starts : int [q], where among the rows each of them begins.
    n_groups : how many groups there are.
    """

    rows: np.ndarray
    groups: np.ndarray
    starts: np.ndarray
    n_groups: int

    @classmethod
    def of(cls, rows: np.ndarray, group: np.ndarray, n_groups: int) -> GroupSums:
        """Return the sums of some rows (positions), each of a group 0 … n_groups - 1."""
        order = np.argsort(group, kind="stable")
        groups, starts = np.unique(group[order], return_index=True)
        return cls(rows[order], groups, starts, n_groups)

    def __call__(self, weight: np.ndarray) -> np.ndarray:
        """Return the weight of each group, float [..., n_groups], of weights [..., n].

        >>> sums = GroupSums.of(np.array([0, 2, 3]), np.array([1, 0, 1]), 3)
        >>> sums(np.array([[1.0, 2.0, 4.0, 8.0], [1.0, 1.0, 1.0, 1.0]])).tolist()
        [[4.0, 9.0, 0.0], [1.0, 2.0, 0.0]]
        """
        weight = np.asarray(weight, dtype=np.float64)
        sums = np.zeros((*weight.shape[:-1], self.n_groups))
        # As many columns as rows are gathered, in an order that the cache bears well.
        sums[..., self.groups] = np.add.reduceat(
            np.take(weight, self.rows, axis=-1), self.starts, axis=-1
        )
        return sums
