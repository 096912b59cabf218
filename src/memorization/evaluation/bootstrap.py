"""Cluster bootstrap: intervals that know that sequences of one cluster are the same text.

What is random. A replicate draws as many clusters as there are, with replacement; a cluster comes
with all its rows, their truth, their out-of-fold score and their weight. So the interval answers:
how would this number vary over other collections of *texts* of the same kind? Three things follow.

- The number of cases varies between replicates, although the case-cohort design fixes it (all
  memorized sequences are taken). With respect to this one finite population the interval is
  therefore conservative: only the cohort's share of the variance comes from the sampling design.
- The weights are those of the design and stay as they are, not recalibrated to the population's
  size within a replicate; all our metrics are ratios of weighted sums, which do not need it.
- The models are not refitted. The interval covers the choice of the texts that are scored, not of
  those trained on, nor the luck of the seed.

Source: Field & Welsh (2007), "Bootstrapping clustered data", JRSS B 69(3), the "cluster bootstrap".
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from memorization.evaluation.metrics.prepared import PreparedMetric

Truth = TypeVar("Truth")
Score = TypeVar("Score")

# Floats that one block of replicates may hold: 1 MiB, so that what a metric makes of them stays in
# the processor's cache, where it is twice as fast as beyond.
BLOCK = 2**17

# A metric that is undefined in more replicates than this has no interval that means anything.
UNDEFINED_LIMIT = 0.05


def cluster_multiplicities(
    clusters: np.ndarray, replicates: int, rng: np.random.Generator
) -> np.ndarray:
    """Return how often each row is drawn in each replicate, uint8 [replicates, n].

    Whole clusters are drawn with replacement, as many as there are: rows of one cluster are always
    drawn equally often, and the multiplicities over clusters are multinomial with equal odds. A
    thousand replicates of a million rows take a gigabyte.

    Parameters
    ----------
    clusters : int [n]
        The cluster of each row; any integers.
    replicates : int
        Number of resamples.
    rng : numpy.random.Generator
        The only source of randomness.

    Examples
    --------
    >>> rows = cluster_multiplicities(np.array([7, 7, 3]), 2, np.random.default_rng(0))
    >>> rows.shape, bool((rows[:, 0] == rows[:, 1]).all())
    ((2, 3), True)
    """
    names, member_of = np.unique(clusters, return_inverse=True)
    k = len(names)
    # 8 bits suffice: that a cluster is drawn 256 times, when once is expected, has a chance below
    # 1/256!, which is 10**-507.
    multiplicities = np.empty((replicates, len(clusters)), dtype=np.uint8)
    for block in _blocks(replicates, k, BLOCK):
        rows = block.stop - block.start
        drawn = rng.integers(k, size=(rows, k)) + np.arange(rows)[:, None] * k
        counts = np.bincount(drawn.ravel(), minlength=rows * k).reshape(rows, k)
        multiplicities[block] = counts[:, member_of]
    return multiplicities


def interval(values: np.ndarray, level: float) -> tuple[float, float]:
    """Return the percentile interval of a metric's replicates.

    Replicates where the metric is undefined (NaN) are dropped; when they are more than 5 %, the
    interval is (nan, nan), because what is left is no longer a sample of the metric.

    Parameters
    ----------
    values : float [replicates]
    level : float
        Coverage, as 0.95.

    Examples
    --------
    >>> low, high = interval(np.arange(101.0), 0.9)
    >>> round(low), round(high)
    (5, 95)
    >>> interval(np.array([1.0, np.nan]), 0.9)
    (nan, nan)
    """
    values = np.asarray(values, dtype=np.float64)
    defined = values[~np.isnan(values)]
    if len(defined) < (1 - UNDEFINED_LIMIT) * len(values) or not len(defined):
        return float("nan"), float("nan")
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def replicate(
    metric: Callable[[Truth, Score, np.ndarray], Any],
    truth: Truth,
    score: Score,
    weight: np.ndarray,
    multiplicities: np.ndarray,
    block: int | None = None,
) -> np.ndarray:
    """Return a metric's value in every replicate, float [replicates, ...].

    The difference of two metrics, or of one metric between two scores, is bootstrapped by
    subtracting the replicates made with the same ``multiplicities``.

    Parameters
    ----------
    metric : callable
        ``metric(truth, score, weight)``, vectorised over the leading axis of weight. Truth and
        score are handed on as they are, so that a survival metric can pass its own. A
        `PreparedMetric` is prepared once.
    weight : float [n]
        How many population sequences a row stands for.
    multiplicities : int [replicates, n]
        From `cluster_multiplicities`.
    block : int
        Floats of weights that the metric is given at a time; None: `BLOCK`. A metric that is a
        product with a large matrix wants more of them.
    """
    if isinstance(metric, PreparedMetric):
        of_weights = metric.prepare(truth, score)  # type: ignore[arg-type]
    else:
        of_weights = functools.partial(metric, truth, score)
    replicates, n = multiplicities.shape
    weight = np.asarray(weight, dtype=np.float64)
    parts = [
        np.asarray(of_weights(multiplicities[rows] * weight))
        for rows in _blocks(replicates, n, block or BLOCK)
    ]
    return np.concatenate(parts)


def estimate(
    metric: Callable[[Truth, Score, np.ndarray], Any],
    truth: Truth,
    score: Score,
    weight: np.ndarray,
    multiplicities: np.ndarray,
    level: float,
) -> dict[str, float]:
    """Return a metric with its interval: ``{"value": ..., "low": ..., "high": ...}``.

    Parameters are those of `replicate` and `interval`.
    """
    return replicated(metric, truth, score, weight, multiplicities).estimate(level)


@dataclass(frozen=True)
class Replicated:
    """A metric's value with its replicates, so that a difference is taken replicate by replicate.

    Attributes
    ----------
    value : float
    replicates : float [replicates]

    Examples
    --------
    >>> one, other = (Replicated(x, x + np.arange(3.0)) for x in (0.5, 0.25))
    >>> (one - other).estimate(0.95)
    {'value': 0.25, 'low': 0.25, 'high': 0.25}
    """

    value: float
    replicates: np.ndarray

    def __sub__(self, other: Replicated) -> Replicated:
        """Return the paired difference: the replicates must be of the same resamples."""
        return Replicated(self.value - other.value, self.replicates - other.replicates)

    def estimate(self, level: float) -> dict[str, float]:
        """Return ``{"value": ..., "low": ..., "high": ...}``; see `interval`."""
        low, high = interval(self.replicates, level)
        return {"value": self.value, "low": low, "high": high}


def replicated(
    metric: Callable[[Truth, Score, np.ndarray], Any],
    truth: Truth,
    score: Score,
    weight: np.ndarray,
    multiplicities: np.ndarray,
) -> Replicated:
    """Return a metric with its replicates; the parameters are those of `replicate`."""
    values = replicate(metric, truth, score, weight, multiplicities)
    return Replicated(float(metric(truth, score, weight)), values)


def _blocks(replicates: int, width: int, block: int) -> list[slice]:
    """Return slices over the replicates, each of at most ``block`` elements, at least one row."""
    size = max(1, block // max(width, 1))
    return [slice(start, min(start + size, replicates)) for start in range(0, replicates, size)]
