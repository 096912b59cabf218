"""How good a survival curve is: as a probability, and as a prediction of when."""

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
    survival: np.ndarray,
    time: np.ndarray,
    event: np.ndarray,
    steps: np.ndarray,
    observed: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return each row's squared error, integrated over the share of training in which its state is
    known, and that share, two float [n].

    By the trapezoidal rule over optimizer steps, in units of the whole training: from step 0, at
    which nothing is memorized and every model knows it, to the last checkpoint. The integrated
    Brier score is the ratio of the weighted sums of the two (Graf et al. 1999): 0 is perfect; that
    of the Kaplan-Meier curve is that of knowing nothing.

    Parameters
    ----------
    steps : int [c], of the checkpoints, ascending.
    observed : int [n], optional
        Position (1 … c) of a row's first evaluation, before which its state is not known; 1, and
        None, are from step 0 on.
    """
    error = squared_error(survival, time, event)
    mean = (np.hstack([np.zeros((len(error), 1)), error[:, :-1]]) + error) / 2
    length = np.diff(steps, prepend=0) / steps[-1]
    positions = np.arange(1, len(steps) + 1)
    first = np.ones(len(error), np.int64) if observed is None else observed
    known = (positions > first[:, None]) | (first[:, None] == 1)
    return (mean * known) @ length, known @ length


def conditional_median(survival: np.ndarray) -> np.ndarray:
    """Return the median checkpoint of the event, given that it happens, int [n] in 1 … c.

    The first checkpoint by which half of the events that the curve expects by the end have
    happened: the time of least expected absolute error. The last, where a curve expects none.

    Parameters
    ----------
    survival : float [n, c]

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

    >>> conditional_mean_step(np.array([[0.9, 0.8]]), np.array([10, 20])).round(6).tolist()
    [15.0]
    """
    mass = -np.diff(survival, axis=1, prepend=1.0)
    total = mass.sum(axis=1)
    expected = np.full(len(survival), float(steps[-1]))
    return np.divide(mass @ steps, total, out=expected, where=total > 0)
