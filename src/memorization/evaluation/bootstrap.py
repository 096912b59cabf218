"""Cluster bootstrap: standard errors that know that sequences of one cluster are the same text.

What becomes of a standard error is an interval, see `memorization.evaluation.intervals`.

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

from memorization.evaluation.intervals import IDENTITY, LOGIT, Scale, interval, kish
from memorization.evaluation.metrics.sums import Metric, OfWeights, PreparedMetric

Estimate = dict[str, float]

# Floats that one block of replicates may hold: 1 MiB, so that what a metric makes of them stays in
# the processor's cache, where it is twice as fast as beyond.
BLOCK = 2**17

# The model that knows all that a tier knows, but for the text.
WITHOUT_TEXT = "without_text"


@dataclass(frozen=True)
class Replicated:
    """A metric's value with its replicates, so that a difference is taken replicate by replicate.

    Attributes
    ----------
    value : float
    replicates : float [replicates]
    effective : clusters in effect, of the rows and cases that the metric uses.
    scale : on which its interval is symmetric.

    >>> one, other = (Replicated(x, x + np.array([-0.125, 0.125]), 9.0) for x in (0.5, 0.25))
    >>> (one - other).estimate(0.95)
    {'value': 0.25, 'low': 0.25, 'high': 0.25}
    """

    value: float
    replicates: np.ndarray
    effective: float
    scale: Scale = LOGIT

    def __sub__(self, other: Replicated) -> Replicated:
        """Return the paired difference: the replicates must be of the same resamples."""
        return Replicated(
            self.value - other.value,
            self.replicates - other.replicates,
            min(self.effective, other.effective),
            IDENTITY,
        )

    def estimate(self, level: float) -> Estimate:
        """Return ``{"value": ..., "low": ..., "high": ...}``; see `intervals.interval`."""
        low, high = interval(self.value, self.replicates, self.effective, level, self.scale)
        return {"value": self.value, "low": float(low), "high": float(high)}


@dataclass(frozen=True)
class Bootstrap:
    """The resamples of n rows by whole clusters, the same for every metric.

    Attributes
    ----------
    drawn : uint8 [replicates, k], how often a cluster is drawn in each replicate.
    member_of : int [n], the cluster of each row, 0 … k - 1.
    level : coverage of the intervals, as 0.95.
    """

    drawn: np.ndarray
    member_of: np.ndarray
    level: float

    @classmethod
    def of(
        cls, clusters: np.ndarray, replicates: int, level: float, rng: np.random.Generator
    ) -> Bootstrap:
        """Return resamples of as many clusters as there are, drawn with replacement.

        Rows of one cluster are always drawn equally often; the multiplicities over clusters are
        multinomial with equal odds.

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
        drawn = np.empty((replicates, k), dtype=np.uint8)
        for block in _blocks(replicates, k, BLOCK):
            rows = block.stop - block.start
            places = rng.integers(k, size=(rows, k)) + np.arange(rows)[:, None] * k
            drawn[block] = np.bincount(places.ravel(), minlength=rows * k).reshape(rows, k)
        return cls(drawn, member_of, level)

    def take(self, rows: np.ndarray) -> Bootstrap:
        """Return the resamples as seen by some rows (a mask or positions)."""
        return Bootstrap(self.drawn, self.member_of[rows], self.level)

    def first(self, replicates: int) -> Bootstrap:
        """Return the first of the resamples."""
        return Bootstrap(self.drawn[:replicates], self.member_of, self.level)

    @property
    def multiplicities(self) -> np.ndarray:
        """How often each row is drawn in each replicate, uint8 [replicates, n]."""
        return self.drawn[:, self.member_of]

    def effective(self, weight: np.ndarray, cases: np.ndarray) -> np.ndarray:
        """Return how many clusters there are in effect, of the rows or of the cases, float [...].

        Whichever are fewer, see `intervals.kish`: a metric is no surer than what it knows of
        either. Where there is no case, or one in every row, the rows alone count.

        Parameters
        ----------
        weight : float [n]
        cases : bool [n] or [n, c], memorized, or with the event, by each of c definitions.

        >>> two = Bootstrap(np.ones((1, 2), np.uint8), np.array([0, 0, 1]), 0.95)
        >>> cases = np.array([[True, True, False], [False, True, False], [False, True, False]])
        >>> two.effective(np.ones(3), cases).round(3).tolist()
        [1.0, 1.8, 1.8]
        """
        k = self.drawn.shape[1]
        some = np.atleast_2d(np.asarray(cases, dtype=bool).T) * np.asarray(weight, np.float64)
        of_cases = kish(np.stack([np.bincount(self.member_of, w, minlength=k) for w in some]))
        of_rows = kish(np.bincount(self.member_of, weight, minlength=k))
        found = np.where(of_cases > 0, np.minimum(of_cases, of_rows), of_rows)
        return found[0] if np.ndim(cases) == 1 else found

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
        replicates, n = len(self.drawn), len(self.member_of)
        weight = np.asarray(weight, dtype=np.float64)
        return np.concatenate(
            [
                np.asarray(of_weights(self.drawn[rows][:, self.member_of] * weight))
                for rows in _blocks(replicates, n, block)
            ]
        )

    def replicated(
        self,
        metric: Metric,
        truth: np.ndarray,
        score: np.ndarray,
        weight: np.ndarray,
        scale: Scale = LOGIT,
    ) -> Replicated:
        """Return a metric with its replicates.

        The difference of two metrics, or of one between two scores, is taken between what the same
        resamples gave.

        Parameters
        ----------
        truth : bool [n], the cases, whose clusters count, see `effective`.
        scale : of the interval; one between 0 and 1 unless told otherwise.
        """
        if isinstance(metric, PreparedMetric):
            of_weights = metric.prepare(truth, score)
        else:
            of_weights = functools.partial(metric, truth, score)
        return Replicated(
            float(metric(truth, score, weight)),
            self.replicate(of_weights, weight),
            float(self.effective(weight, truth)),
            scale,
        )

    def estimate(
        self,
        metric: Metric,
        truth: np.ndarray,
        score: np.ndarray,
        weight: np.ndarray,
        scale: Scale = LOGIT,
    ) -> Estimate:
        """Return a metric with its interval: ``{"value": ..., "low": ..., "high": ...}``."""
        return self.replicated(metric, truth, score, weight, scale).estimate(self.level)


def gain(
    one: Mapping[str, Replicated], other: Mapping[str, Replicated], level: float
) -> dict[str, Estimate]:
    """Return by how much one's metrics exceed the other's, with paired intervals.

    Of those that both have.
    """
    return {name: (one[name] - other[name]).estimate(level) for name in one if name in other}


def gains_over_best(
    ranked: Mapping[tuple[str, str], Mapping[str, Replicated]],
    baselines: Collection[str],
    level: float,
    errors: Collection[str] = (),
) -> dict[str, dict[str, dict[str, dict[str, Any]]]]:
    """Return what every model gains over the best baseline, metric by metric.

    The best is chosen by its value on the same rows, which is hard on the models.

    Parameters
    ----------
    ranked, baselines, level : as for `gains`.
    errors : the metrics of which less is better.

    Returns
    -------
    dict
        tier -> model -> metric -> {baseline, value, low, high}.
    """
    found: dict[str, Any] = {}
    for (tier, model), own in ranked.items():
        if model in baselines:
            continue
        against: dict[str, Any] = {}
        for metric, replicated in own.items():
            rivals = {
                name: other[metric]
                for (_, name), other in ranked.items()
                if name in baselines and metric in other
            }
            if rivals:
                sign = -1 if metric in errors else 1
                best = max(rivals, key=lambda name: sign * rivals[name].value)
                difference = (replicated - rivals[best]).estimate(level)
                against[metric] = {"baseline": best, **difference}
        found.setdefault(tier, {})[model] = against
    return found


def gains(
    ranked: Mapping[tuple[str, str], Mapping[str, Replicated]],
    baselines: Collection[str],
    level: float,
) -> dict[str, Any]:
    """Return what every model gains over the baselines, with the text, and with every tier.

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
        -> the same, absent for the lowest tier of a model; ``over_without_text``, see the function,
        if that model is among them.
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
    found = {"over_baseline": over_baseline, "over_tier_below": over_tier}
    if text := over_without_text(ranked, level):
        found["over_without_text"] = text
    return found


def over_without_text(
    ranked: Mapping[tuple[str, str], Mapping[str, Replicated]], level: float
) -> dict[str, dict[str, dict[str, Estimate]]]:
    """Return what every other model gains over `WITHOUT_TEXT`, in its tier and those above.

    Parameters
    ----------
    ranked, level : as for `gains`.

    Returns
    -------
    dict
        tier -> model -> metric -> {value, low, high}; empty without that model.
    """
    found: dict[str, Any] = {}
    rest: Mapping[str, Replicated] | None = None
    own_tier = next((tier for tier, model in ranked if model == WITHOUT_TEXT), None)
    for (tier, model), own in ranked.items():
        if tier == own_tier:
            rest = ranked[tier, WITHOUT_TEXT]
        if rest is not None and model != WITHOUT_TEXT:
            found.setdefault(tier, {})[model] = gain(own, rest, level)
    return found


def _blocks(replicates: int, width: int, block: int) -> list[slice]:
    """Return slices over the replicates, each of at most ``block`` elements, at least one row."""
    size = max(1, block // max(width, 1))
    return [slice(start, min(start + size, replicates)) for start in range(0, replicates, size)]
