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
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from memorization.evaluation.metrics.sums import Metric, OfWeights, PreparedMetric

Estimate = dict[str, float]

# Floats that one block of replicates may hold: 1 MiB, so that what a metric makes of them stays in
# the processor's cache, where it is twice as fast as beyond.
BLOCK = 2**17

# A metric that is undefined in more replicates than this has no interval that means anything.
UNDEFINED_LIMIT = 0.05


@dataclass(frozen=True)
class Replicated:
    """A metric's value with its replicates, so that a difference is taken replicate by replicate.

    Attributes
    ----------
    value : float
    replicates : float [replicates]

    >>> one, other = (Replicated(x, x + np.arange(3.0)) for x in (0.5, 0.25))
    >>> (one - other).estimate(0.95)
    {'value': 0.25, 'low': 0.25, 'high': 0.25}
    """

    value: float
    replicates: np.ndarray

    def __sub__(self, other: Replicated) -> Replicated:
        """Return the paired difference: the replicates must be of the same resamples."""
        return Replicated(self.value - other.value, self.replicates - other.replicates)

    def estimate(self, level: float) -> Estimate:
        """Return ``{"value": ..., "low": ..., "high": ...}``; see `interval`."""
        low, high = interval(self.replicates, level)
        return {"value": self.value, "low": low, "high": high}


@dataclass(frozen=True)
class Bootstrap:
    """The resamples of n rows by whole clusters, the same for every metric.

    Attributes
    ----------
    multiplicities : uint8 [replicates, n], how often a row is drawn in each replicate.
    level : coverage of the intervals, as 0.95.
    """

    multiplicities: np.ndarray
    level: float

    @classmethod
    def of(
        cls, clusters: np.ndarray, replicates: int, level: float, rng: np.random.Generator
    ) -> Bootstrap:
        """Return resamples of as many clusters as there are, drawn with replacement.

        Rows of one cluster are always drawn equally often; the multiplicities over clusters are
        multinomial with equal odds. A thousand replicates of a million rows take a gigabyte.

        Parameters
        ----------
        clusters : int [n], the cluster of each row; any integers.

        >>> rng = np.random.default_rng(0)
        >>> rows = Bootstrap.of(np.array([7, 7, 3]), 2, 0.95, rng).multiplicities
        >>> rows.shape, bool((rows[:, 0] == rows[:, 1]).all())
        ((2, 3), True)
        """
        names, member_of = np.unique(clusters, return_inverse=True)
        k = len(names)
        # 8 bits suffice: that a cluster is drawn 256 times, when once is expected, has a chance
        # below 1/256!, which is 10**-507.
        multiplicities = np.empty((replicates, len(clusters)), dtype=np.uint8)
        for block in _blocks(replicates, k, BLOCK):
            rows = block.stop - block.start
            drawn = rng.integers(k, size=(rows, k)) + np.arange(rows)[:, None] * k
            counts = np.bincount(drawn.ravel(), minlength=rows * k).reshape(rows, k)
            multiplicities[block] = counts[:, member_of]
        return cls(multiplicities, level)

    def take(self, rows: np.ndarray) -> Bootstrap:
        """Return the resamples as seen by some rows (a mask or positions)."""
        return Bootstrap(self.multiplicities[:, rows], self.level)

    def first(self, replicates: int) -> Bootstrap:
        """Return the first of the resamples."""
        return Bootstrap(self.multiplicities[:replicates], self.level)

    def replicate(
        self, of_weights: OfWeights, weight: np.ndarray, block: int = BLOCK
    ) -> np.ndarray:
        """Return a function of the weights in every replicate, float [replicates, ...].

        Parameters
        ----------
        of_weights : float [..., n] -> [...], as a metric that has been given truth and score.
        weight : float [n], population sequences that a row stands for.
        block : floats of weights at a time. What sorts or multiplies a large matrix wants more.
        """
        replicates, n = self.multiplicities.shape
        weight = np.asarray(weight, dtype=np.float64)
        return np.concatenate(
            [
                np.asarray(of_weights(self.multiplicities[rows] * weight))
                for rows in _blocks(replicates, n, block)
            ]
        )

    def replicated(
        self, metric: Metric, truth: np.ndarray, score: np.ndarray, weight: np.ndarray
    ) -> Replicated:
        """Return a metric with its replicates.

        The difference of two metrics, or of one between two scores, is taken between what the same
        resamples gave.
        """
        if isinstance(metric, PreparedMetric):
            of_weights = metric.prepare(truth, score)
        else:
            of_weights = functools.partial(metric, truth, score)
        value = float(metric(truth, score, weight))
        return Replicated(value, self.replicate(of_weights, weight))

    def estimate(
        self, metric: Metric, truth: np.ndarray, score: np.ndarray, weight: np.ndarray
    ) -> Estimate:
        """Return a metric with its interval: ``{"value": ..., "low": ..., "high": ...}``."""
        return self.replicated(metric, truth, score, weight).estimate(self.level)


def interval(values: np.ndarray, level: float) -> tuple[float, float]:
    """Return the percentile interval of a metric's replicates.

    Replicates where the metric is undefined (NaN) are dropped; when they are more than 5 %, the
    interval is (nan, nan), because what is left is no longer a sample of the metric.

    Parameters
    ----------
    values : float [replicates]
    level : float
        Coverage, as 0.95.

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


def gain(
    one: Mapping[str, Replicated], other: Mapping[str, Replicated], level: float
) -> dict[str, Estimate]:
    """Return by how much one's metrics exceed the other's, with paired intervals."""
    return {name: (one[name] - other[name]).estimate(level) for name in one}


def gains(
    ranked: Mapping[tuple[str, str], Mapping[str, Replicated]],
    baselines: Collection[str],
    level: float,
) -> dict[str, Any]:
    """Return what every model gains over the baselines, and with every step up the tiers.

    Parameters
    ----------
    ranked : dict, (tier, model) -> its metrics in the same replicates; from the lowest tier up.
    baselines : the models that are baselines.
    level : float

    Returns
    -------
    dict
        ``over_baseline``: tier -> model -> baseline -> metric -> {value, low, high}, over the
        baseline of the same tier, or else of its own; ``over_tier_below``: tier -> model -> metric
        -> the same, absent for the lowest tier of a model.
    """
    over_baseline: dict[str, Any] = {}
    over_tier: dict[str, Any] = {}
    below: dict[str, Mapping[str, Replicated]] = {}
    for (tier, model), own in ranked.items():
        if model in baselines:
            continue
        over_baseline.setdefault(tier, {})[model] = {
            name: gain(own, ranked.get((tier, name), other), level)
            for (_, name), other in ranked.items()
            if name in baselines
        }
        if model in below:
            over_tier.setdefault(tier, {})[model] = gain(own, below[model], level)
        below[model] = own
    return {"over_baseline": over_baseline, "over_tier_below": over_tier}


def _blocks(replicates: int, width: int, block: int) -> list[slice]:
    """Return slices over the replicates, each of at most ``block`` elements, at least one row."""
    size = max(1, block // max(width, 1))
    return [slice(start, min(start + size, replicates)) for start in range(0, replicates, size)]
