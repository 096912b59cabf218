"""How far off a predicted event time is, among the sequences that have the event."""

from __future__ import annotations

import numpy as np


def conditional_median(survival: np.ndarray) -> np.ndarray:
    """Return the median checkpoint of the event, given that it happens, int [n] in 1 … c.

    The first checkpoint by which half of the events that the curve expects by the end have
    happened: the time of least expected absolute error. The last, where a curve expects none.

    Parameters
    ----------
    survival : float [n, c]

    Examples
    --------
    >>> conditional_median(np.array([[0.99, 0.95, 0.92, 0.9], [1.0, 1.0, 1.0, 1.0]])).tolist()
    [2, 4]
    """
    happened = 1 - survival
    half = happened[:, -1:] / 2
    # Half of nothing is reached at once; a median of no events is best called the end.
    reached = (happened >= half) & (half > 0)
    return np.where(reached[:, -1], reached.argmax(axis=1), survival.shape[1] - 1) + 1


def conditional_mean_step(survival: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Return the expected step of the event, given that it happens, float [n].

    Parameters
    ----------
    survival : float [n, c]
    steps : int [c], optimizer steps of the checkpoints.

    Examples
    --------
    >>> conditional_mean_step(np.array([[0.9, 0.8]]), np.array([10, 20])).round(6).tolist()
    [15.0]
    """
    mass = -np.diff(survival, axis=1, prepend=1.0)
    total = mass.sum(axis=1)
    expected = np.full(len(survival), float(steps[-1]))
    return np.divide(mass @ steps, total, out=expected, where=total > 0)
