"""Ratios of weighted sums, which nearly every metric is."""

from __future__ import annotations

import numpy as np


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
