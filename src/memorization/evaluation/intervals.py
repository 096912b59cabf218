"""Intervals from the replicates of a bootstrap: a standard error, a scale, and few texts.

Percentiles of the replicates cover too seldom where few clusters hold most of the cases (about 88
to 92 % of the time where they say 95 %, see docs/intervals.md). Instead:

- The replicates give one number, the standard error.
- The interval is symmetric on a scale without bounds (`LOGIT` for shares and areas, `LOG` for
  positive numbers, `SKILL` for skill scores, `IDENTITY` for differences), so that its ends stay
  where the metric can be. The standard error is carried over by the derivative there (the delta
  method), which a replicate at a bound, of infinite log-odds, cannot spoil.
- How far it reaches is a quantile of Student's t. Its degrees of freedom are those of the clusters
  that there are *in effect*, less one: a spread that rests on few large texts is badly known
  (Carter, Schnepel & Steigerwald 2017, "Asymptotic behavior of a t test robust to cluster
  heterogeneity").
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.stats import t as student

# A metric that is undefined in more replicates than this has no interval that means anything.
UNDEFINED_LIMIT = 0.05


@dataclass(frozen=True)
class Scale:
    """A scale on which an estimate is about normal.

    Attributes
    ----------
    to, back : onto the scale, and from it.
    slope : derivative of ``to``.
    bounded : whether values lie between 0 and 1, and may be either.
    """

    to: Callable[[np.ndarray], np.ndarray]
    back: Callable[[np.ndarray], np.ndarray]
    slope: Callable[[np.ndarray], np.ndarray]
    bounded: bool = False


def _logit(p: np.ndarray) -> np.ndarray:
    return np.log(p) - np.log1p(-p)


def _unskill(x: np.ndarray) -> np.ndarray:
    return -np.expm1(-x)


def _expit(x: np.ndarray) -> np.ndarray:
    return 0.5 * (1 + np.tanh(x / 2))


def _logit_slope(p: np.ndarray) -> np.ndarray:
    return 1 / (p * (1 - p))


def _skill(s: np.ndarray) -> np.ndarray:
    return -np.log1p(-s)


def _skill_slope(s: np.ndarray) -> np.ndarray:
    return 1 / (1 - s)


# Functions with names, since a scale goes from process to process with what is on it.
IDENTITY = Scale(np.positive, np.positive, np.ones_like)
LOG = Scale(np.log, np.exp, np.reciprocal)
LOGIT = Scale(_logit, _expit, _logit_slope, bounded=True)
# One less the skill is a ratio of two errors, which is positive.
SKILL = Scale(_skill, _unskill, _skill_slope)


def kish(sums: np.ndarray) -> np.ndarray:
    """Return how many clusters of equal size the clusters are worth, float [...] (Kish 1965).

    The square of the sum over the sum of squares: the number of clusters if all weigh the same, 1
    if one weighs all; 0 where nothing weighs.

    Parameters
    ----------
    sums : float [..., k], the weight of each cluster, not negative.

    >>> kish(np.array([[2.0, 2.0, 2.0], [8.0, 1.0, 1.0], [0.0, 0.0, 0.0]])).round(2).tolist()
    [3.0, 1.52, 0.0]
    """
    squares = (sums**2).sum(axis=-1)
    return np.divide(
        sums.sum(axis=-1) ** 2, squares, out=np.zeros(np.shape(squares)), where=squares > 0
    )


def interval(
    value: np.ndarray | float,
    replicates: np.ndarray,
    effective: np.ndarray | float,
    level: float,
    scale: Scale = LOGIT,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the low and the high end of an estimate's interval, two float [...].

    Four special cases:

    - Replicates where the metric is undefined (NaN) are dropped; when they are more than 5 %, the
      ends are NaN, because what is left is no longer a sample of the metric. So they are where
      there is no more than one effective cluster, whose spread nobody knows.
    - Where all replicates agree, both ends are the value: nothing about it depends on the texts, as
      the area of a score that is the same for all.
    - A share or area of exactly 0 or 1, as that of memorized sequences where there are none, has no
      standard error that means anything. Its interval ends where that many equal clusters would all
      agree by chance with the probability of one tail (Clopper & Pearson 1934).
    - Another value at the end of its scale, as a ratio of 0, has none: its ends are NaN.

    Parameters
    ----------
    value : float [...]
    replicates : float [r, ...]
    effective : float [...], clusters in effect, see `kish`.
    level : coverage, as 0.95.

    >>> low, high = interval(0.5, np.array([0.4, 0.5, 0.6]), 9.0, 0.95)
    >>> round(float(low), 3), round(float(high), 3)
    (0.284, 0.716)
    >>> [round(float(end), 3) for end in interval(0.0, np.zeros(3), 20.0, 0.95)]
    [0.0, 0.168]
    """
    value, effective = np.broadcast_arrays(
        np.asarray(value, dtype=np.float64), np.asarray(effective, dtype=np.float64)
    )
    tail = (1 - level) / 2
    defined = ~np.isnan(replicates)
    error = _standard_error(replicates, defined)
    # A Kish number of one cluster may be off by its last bits.
    known = (effective > 1 + 1e-9) & (defined.mean(axis=0) >= 1 - UNDEFINED_LIMIT)
    reach = np.full(value.shape, np.nan)
    reach[known] = student.ppf(1 - tail, (effective - 1)[known])
    # What reaches too far for floats reaches the end of the scale.
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        place, half = scale.to(value), reach * error * scale.slope(value)
        low, high = scale.back(place - half), scale.back(place + half)
        # Agreement of as many clusters, by chance.
        bound = 1 - np.where(effective > 0, tail ** (1 / effective), 0.0)
    agree = known & (error == 0)
    low, high = np.where(agree, value, low), np.where(agree, value, high)
    if scale.bounded:
        nothing, everything = known & (value <= 0), known & (value >= 1)
        low = np.where(nothing, 0.0, np.where(everything, 1 - bound, low))
        high = np.where(nothing, bound, np.where(everything, 1.0, high))
    unknown = np.isnan(low) | np.isnan(high)
    return np.where(unknown, np.nan, low), np.where(unknown, np.nan, high)


def _standard_error(replicates: np.ndarray, defined: np.ndarray) -> np.ndarray:
    """Return the standard deviation of the defined replicates, float [...]."""
    count = np.maximum(defined.sum(axis=0), 1)
    filled = np.where(defined, replicates, 0.0)
    # Deviations from one of them, so that equal replicates have none, not one of rounding.
    first = np.take_along_axis(filled, defined.argmax(axis=0)[None], axis=0)
    off = np.where(defined, filled - first, 0.0)
    spread = (off**2).sum(axis=0) - off.sum(axis=0) ** 2 / count
    return np.sqrt(np.maximum(spread, 0) / np.maximum(count - 1, 1))
