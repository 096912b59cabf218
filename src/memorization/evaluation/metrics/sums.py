"""Sums of weights over groups of rows, for thousands of weights at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


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
