"""From the chances of each transition to the probability of each state."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from memorization.intensities.transitions import AGES, age_of


@dataclass(frozen=True)
class Forecast:
    """What is expected of n sequences at each of c checkpoints.

    Attributes
    ----------
    survival : float64 [n, c], probability of no onset so far.
    memorized : float64 [n, c], probability of being memorized.
    """

    survival: np.ndarray
    memorized: np.ndarray


def forward(first: np.ndarray, again: np.ndarray, loss: np.ndarray) -> Forecast:
    """Return the forecast of chances from checkpoint to checkpoint, by recursion.

    Exact: the probability of each state and time in it is carried along, from a start at which
    nothing is memorized.

    Parameters
    ----------
    first : float64 [n, c], chance of the first onset at a checkpoint, given none before.
    again, loss : float64 [n, c, len(AGES)], of the onset of what was memorized, and of the loss, by
        how long it has been so.

    >>> half = np.full((1, 2, len(AGES)), 0.5)
    >>> found = forward(np.array([[0.5, 0.0]]), half, half)
    >>> found.survival.tolist(), found.memorized.tolist()
    ([[0.5, 0.5]], [[0.5, 0.25]])
    """
    n, c = first.shape
    # By how many checkpoints in the state; the last place holds all longer times, from where on a
    # chance does not change.
    never, on, off = np.ones(n), np.zeros((n, AGES[-1])), np.zeros((n, AGES[-1]))
    # The chance of each time in a state is that of its bin.
    place = age_of(np.arange(1, AGES[-1] + 1))
    survival, memorized = np.empty((n, c)), np.empty((n, c))
    for at in range(c):
        onset = never * first[:, at]
        back = off * again[:, at, place]
        lost = on * loss[:, at, place]
        never = never - onset
        on = _older(on - lost, onset + back.sum(axis=1))
        off = _older(off - back, lost.sum(axis=1))
        survival[:, at], memorized[:, at] = never, on.sum(axis=1)
    return Forecast(survival, memorized)


def _older(mass: np.ndarray, new: np.ndarray) -> np.ndarray:
    """Return the probabilities one checkpoint later, with those that have just begun."""
    older = np.empty_like(mass)
    older[:, 0], older[:, 1:] = new, mass[:, :-1]
    older[:, -1] += mass[:, -1]
    return older
