"""The Kaplan-Meier estimate of survival, weighted, for left-censored events too."""

from __future__ import annotations

import numpy as np

from memorization.evaluation.metrics.sums import GroupSums, OfWeights
from memorization.study import Targets

# The self-consistent curve of left-censored events is iterated until no probability moves by more,
# or so often.
TOLERANCE = 1e-7
ITERATIONS = 1000


def kaplan_meier(targets: Targets, weight: np.ndarray) -> np.ndarray:
    """Return the weighted Kaplan-Meier survival at each checkpoint, float [..., c].

    The product over checkpoints of 1 - events / at risk (Kaplan & Meier 1958), both weighted; at
    risk are the sequences without event or censoring before it. Where nobody is at risk it stays as
    it is. Events that are left-censored are shared out among the checkpoints up to theirs as the
    curve itself has it (Turnbull 1976, "The empirical distribution function with arbitrarily
    grouped, censored and truncated data").

    Parameters
    ----------
    weight : float [..., n]; leading axes, if any, are those of the result.

    >>> targets = Targets(np.array([1, 2, 3]), np.array([1, 1, 0], bool), 3)
    >>> kaplan_meier(targets, np.array([1.0, 1.0, 2.0])).round(6).tolist()
    [0.75, 0.5, 0.5]
    """
    return curve_of(targets)(np.asarray(weight, dtype=np.float64))


def curve_of(targets: Targets) -> OfWeights:
    """Return `kaplan_meier` as a function of the weights, the rows sorted once."""
    c, left = targets.n_times, targets.left_censored
    events = _sums(targets.event & ~left, targets.time - 1, c)
    censored = _sums(~targets.event, targets.time - 1, c)
    before = _sums(left, targets.time - 1, c)

    def of_weights(weight: np.ndarray) -> np.ndarray:
        known, gone = events(weight), censored(weight)
        total = weight.sum(axis=-1, keepdims=True)
        if not left.any():
            return _product_limit(known, gone, total)
        unknown = before(weight)
        # At first as if the event could be anywhere before.
        parts = unknown / np.arange(1, c + 1)
        survival = _product_limit(known + _from_here_on(parts), gone, total)
        for _ in range(ITERATIONS):
            mass = -np.diff(survival, axis=-1, prepend=1.0)
            happened = np.maximum(1 - survival, np.finfo(float).tiny)
            expected = known + mass * _from_here_on(unknown / happened)
            last, survival = survival, _product_limit(expected, gone, total)
            if np.abs(survival - last).max(initial=0) < TOLERANCE:
                break
        return survival

    return of_weights


def _sums(rows: np.ndarray, group: np.ndarray, c: int) -> GroupSums:
    return GroupSums.of(np.flatnonzero(rows), group[rows], c)


def _from_here_on(values: np.ndarray) -> np.ndarray:
    return np.cumsum(values[..., ::-1], axis=-1)[..., ::-1]


def _product_limit(events: np.ndarray, censored: np.ndarray, total: np.ndarray) -> np.ndarray:
    """Return the curve of events and censorings at checkpoints, of a total weight, [..., c]."""
    left = events + censored
    at_risk = total - (np.cumsum(left, axis=-1) - left)
    # The difference of two sums over the same rows may round to just above zero.
    some = at_risk > 1e-9 * total
    hazard = np.divide(events, at_risk, out=np.zeros_like(events), where=some)
    return np.cumprod(1 - np.clip(hazard, 0, 1), axis=-1)
