"""The baselines that know nothing, or only how often a text occurs: observed shares.

Of survival, the Kaplan-Meier estimate, weighted, for left-censored events too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from memorization.evaluation.crossfit import Tiers
from memorization.evaluation.metrics.sums import GroupSums, ratio
from memorization.intensities.forward import Forecast
from memorization.strata import STRATA, stratum_of
from memorization.study import Study, Targets
from memorization.when.models.model import CountRule, SurvivalModel

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

    >>> targets = Targets(np.array([1, 2, 3]), np.array([1, 1, 0], bool), 3, np.ones(3))
    >>> kaplan_meier(targets, np.array([1.0, 1.0, 2.0])).round(6).tolist()
    [0.75, 0.5, 0.5]
    """
    weight = np.asarray(weight, dtype=np.float64)
    left = targets.left_censored
    known, gone = (_sums(kind, targets, weight) for kind in (targets.event & ~left, ~targets.event))
    total = weight.sum(axis=-1, keepdims=True)
    if not left.any():
        return _product_limit(known, gone, total)
    unknown = _sums(left, targets, weight)
    # At first as if the event could be anywhere before.
    parts = unknown / np.arange(1, targets.n_times + 1)
    survival = _product_limit(known + _from_here_on(parts), gone, total)
    for _ in range(ITERATIONS):
        mass = -np.diff(survival, axis=-1, prepend=1.0)
        happened = np.maximum(1 - survival, np.finfo(float).tiny)
        expected = known + mass * _from_here_on(unknown / happened)
        last, survival = survival, _product_limit(expected, gone, total)
        if np.abs(survival - last).max(initial=0) < TOLERANCE:
            break
    return survival


def _sums(kind: np.ndarray, targets: Targets, weight: np.ndarray) -> np.ndarray:
    """Return the weight of the rows of a kind, bool [n], by the checkpoint of their time."""
    return GroupSums.of(np.flatnonzero(kind), targets.time[kind] - 1, targets.n_times)(weight)


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


@dataclass(frozen=True)
class KaplanMeier(SurvivalModel):
    """One curve for everybody, of survival and of the share that is memorized, float [c] each."""

    survival: np.ndarray
    memorized: np.ndarray
    is_baseline: ClassVar[bool] = True

    @classmethod
    def columns(cls, tiers: Tiers) -> Tiers:
        """Return no feature, in the lowest tier."""
        return {"text": ()}

    @classmethod
    def train(cls, rows: Study, rng: np.random.Generator) -> Self:
        """Return the marginal estimate."""
        return cls(kaplan_meier(rows.times, rows.weight), share_memorized(rows))

    def forecast(self, study: Study) -> Forecast:
        """Return the same curves for each row."""
        shape = (len(study), 1)
        return Forecast.of(np.tile(self.survival, shape), np.tile(self.memorized, shape))


@dataclass(frozen=True)
class KaplanMeierStrata(CountRule):
    """Curves for each stratum of a count: that of the continuation, if it is known.

    Attributes
    ----------
    column : the feature that holds the count.
    strata : stratum -> its curves.
    """

    column: str
    strata: dict[str, KaplanMeier]

    @classmethod
    def train(cls, rows: Study, rng: np.random.Generator) -> Self:
        """Return the stratified estimate; a stratum without rows gets the marginal one.

        Raises
        ------
        UserError
            If a count is not known.
        """
        (column,) = rows.features.columns
        stratum = stratum_of(rows.features[column].to_numpy())
        curves = {}
        for place, name in enumerate(STRATA):
            own = rows.take(stratum == place)
            curves[name] = KaplanMeier.train(own if len(own) else rows, rng)
        return cls(str(column), curves)

    def forecast(self, study: Study) -> Forecast:
        """Return the curves of each row's stratum."""
        stratum = stratum_of(study.features[self.column].to_numpy())
        survival = np.stack([own.survival for own in self.strata.values()])
        memorized = np.stack([own.memorized for own in self.strata.values()])
        return Forecast.of(survival[stratum], memorized[stratum])


def share_memorized(rows: Study) -> np.ndarray:
    """Return the weighted share of those looked at that is memorized at each checkpoint, float [c].

    0 where nobody was looked at.
    """
    histories = rows.known_histories
    total = rows.weight @ histories.observed
    return ratio(rows.weight @ (histories.memorized & histories.observed), total, empty=0.0)
