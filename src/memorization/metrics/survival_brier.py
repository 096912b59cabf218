"""How good a survival curve is as a probability: the integrated Brier score."""

from __future__ import annotations

import numpy as np


def squared_error(survival: np.ndarray, time: np.ndarray, event: np.ndarray) -> np.ndarray:
    """Return the squared error of the survival at each checkpoint, float [n, c].

    Parameters
    ----------
    survival : float [n, c], probability of no event up to the checkpoints 1 … c.
    time : int [n], checkpoint (1 … c) of the event or of censoring.
    event : bool [n]

    Raises
    ------
    ValueError
        If a row is censored before the last checkpoint: whether it survived the rest is unknown,
        and the plain score would be biased (it takes inverse probability of censoring weights).
    """
    n_times = survival.shape[1]
    if (~event & (time < n_times)).any():
        raise ValueError("rows censored before the last checkpoint: their state then is not known")
    survived = ~event[:, None] | (time[:, None] > np.arange(1, n_times + 1))
    return (survived - survival) ** 2


def integrated_squared_error(
    survival: np.ndarray, time: np.ndarray, event: np.ndarray, steps: np.ndarray
) -> np.ndarray:
    """Return each row's mean squared error over training, float [n].

    By the trapezoidal rule over optimizer steps, from step 0, at which nothing is memorized and
    every model knows it, to the last checkpoint.

    Parameters
    ----------
    steps : int [c], of the checkpoints, ascending.
    """
    error = squared_error(survival, time, event)
    error = np.hstack([np.zeros((len(error), 1)), error])
    return np.trapezoid(error, np.concatenate([[0], steps]), axis=1) / steps[-1]


def integrated_brier_score(
    survival: np.ndarray,
    time: np.ndarray,
    event: np.ndarray,
    steps: np.ndarray,
    weight: np.ndarray,
) -> np.ndarray:
    """Return the weighted integrated Brier score, float [...] (Graf et al. 1999).

    0 is perfect; the score of the Kaplan-Meier curve is that of knowing nothing. NaN where there is
    no weight.

    Parameters
    ----------
    weight : float [..., n]

    Examples
    --------
    >>> time, event = np.array([1, 2]), np.array([True, False])
    >>> survival = np.array([[0.5, 0.5], [0.5, 0.5]])
    >>> steps = np.array([10, 20])
    >>> float(integrated_brier_score(survival, time, event, steps, np.ones(2)))
    0.1875
    """
    error = integrated_squared_error(survival, time, event, steps)
    total = np.asarray(weight, dtype=np.float64).sum(axis=-1)
    return np.divide(weight @ error, total, out=np.full(total.shape, np.nan), where=total > 0)
