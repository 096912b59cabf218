"""Accelerated failure time and the Cox model, fitted by lifelines to a few covariates.

A count and two measures of the text, those that the randomised arm is described by too: with all
features of a study, a hundred or more, one fit takes lifelines a minute. Both models are valid for
the first onset alone.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import pandas as pd
from lifelines import CoxTimeVaryingFitter, LogLogisticAFTFitter
from lifelines.exceptions import ConvergenceError

from memorization.errors import UserError
from memorization.evaluation.crossfit import Tiers, every, unit_weight
from memorization.intensities.clock import EXPOSURE, clock
from memorization.intensities.covariates import Covariates
from memorization.intensities.forward import Forecast
from memorization.strata import CONTINUATIONS
from memorization.study import Histories, Study, Targets
from memorization.when.models.model import SurvivalModel, of_count

TEXT = ("ngram.surprisal", "compressibility.zlib_ratio")
# Strengths of the L2 penalty, of the log-likelihood of all rows; the next one is tried when the
# search does not converge, as where covariates separate the events.
PENALTIES = (1.0, 100.0, 1e4)
# lifelines wants the lower end of an interval above 0; nothing happens in a first part so small.
SOONEST = 1e-6
# exp(50) times any baseline hazard is certainty; beyond it only overflow is to be had.
LIMIT = 50.0


@dataclass(frozen=True)
class ParsimoniousModel(SurvivalModel):
    """A model of a count and `TEXT`.

    Attributes
    ----------
    covariates : the map from features to standardised ones.
    coefficients : float [k].
    """

    covariates: Covariates
    coefficients: np.ndarray
    requires: ClassVar[str | None] = CONTINUATIONS

    @classmethod
    def columns(cls, tiers: Tiers) -> Tiers:
        """Return the finest count that is known, and those of `TEXT` that are."""
        known = tuple(name for name in TEXT if name in every(tiers))
        return {tier: (*count, *known) for tier, count in of_count(tiers).items()}


def converged(fit: Callable[[float], pd.Series], name: str, n: int) -> pd.Series:
    """Return the estimates of the weakest of `PENALTIES` at which a fit to n rows converges.

    Raises
    ------
    UserError
        If it does at none.
    """
    for penalty in PENALTIES:
        try:
            with warnings.catch_warnings():
                # Of standard errors, which are not used, and of steps on the way.
                warnings.simplefilter("ignore")
                found = fit(penalty / n)
        except (ConvergenceError, ValueError):
            continue
        if np.isfinite(found).all():
            return found
    raise UserError(
        f"when.models: '{name}' does not converge on these {n} sequences; study more of them or "
        "leave it out"
    )


@dataclass(frozen=True)
class AFT(ParsimoniousModel):
    """Log of the time of onset = linear in the covariates + logistic error.

    Of covariates that do not change. Times are taken as what they are, known to lie between two
    evaluations, or before the first.

    Attributes
    ----------
    intercept : log of the median time at the covariates' means, in whole trainings.
    shape : one over the scale of the error.
    """

    intercept: float
    shape: float

    @classmethod
    def train(cls, rows: Study, rng: np.random.Generator) -> Self:
        """Return the maximum of the weighted, lightly penalised likelihood."""
        covariates = Covariates.fit(rows.features, rows.weight)
        frame = pd.DataFrame(covariates.transform(rows.features)).add_prefix("x")
        frame["lower"], frame["upper"] = intervals(rows)
        frame["weight"] = unit_weight(rows.weight)

        def fit(penalty: float) -> pd.Series:
            model = LogLogisticAFTFitter(penalizer=penalty)
            model.fit_interval_censoring(frame, "lower", "upper", weights_col="weight")
            return model.params_

        found = converged(fit, "aft", len(rows))
        location = found["alpha_"]
        coefficients = location.drop("Intercept").to_numpy()
        shape = float(np.exp(found["beta_"]["Intercept"]))
        return cls(covariates, coefficients, float(location["Intercept"]), shape)

    def forecast(self, study: Study) -> Forecast:
        """Return 1 / (1 + (time / median) ** shape) at each checkpoint."""
        log_median = self.intercept + self.covariates.transform(study.features) @ self.coefficients
        log_time = np.log(study.steps / study.steps[-1])
        log_odds = self.shape * (log_time - log_median[:, None])
        return Forecast.of(1 / (1 + np.exp(np.clip(log_odds, -500, 500))))


def intervals(rows: Study) -> tuple[np.ndarray, np.ndarray]:
    """Return between which parts of training each event lies, float [n] each; inf: not in it."""
    times, parts = rows.times, np.append(SOONEST, rows.steps / rows.steps[-1])
    lower = np.where(times.event, parts[times.time - 1], parts[times.time])
    lower = np.where(times.left_censored, SOONEST, lower)
    return lower, np.where(times.event, parts[times.time], np.inf)


@dataclass(frozen=True)
class Cox(ParsimoniousModel):
    """Log hazard = log baseline + linear in text, count and exposures so far (Cox 1972).

    Risk sets take late entry and covariates that change. Who had the event by the first evaluation
    is in none of them.

    Attributes
    ----------
    baseline : float [c], increments of the cumulative hazard at the covariates' means.
    """

    baseline: np.ndarray

    @classmethod
    def train(cls, rows: Study, rng: np.random.Generator) -> Self:
        """Return the maximum of Efron's weighted, lightly penalised partial likelihood."""
        covariates = Covariates.fit(rows.features, rows.weight)
        columns = _columns(covariates.transform(rows.features), rows.known_histories)
        weight = unit_weight(rows.weight)
        at_risk = _at_risk(rows.times)
        row, at = np.nonzero(at_risk)
        frame = pd.DataFrame(columns[row, at]).add_prefix("x")
        frame["id"], frame["start"], frame["stop"] = row, at, at + 1
        frame["event"] = rows.times.event[row] & (rows.times.time[row] == at + 1)
        frame["weight"] = weight[row]

        def fit(penalty: float) -> pd.Series:
            model = CoxTimeVaryingFitter(penalizer=penalty)
            model.fit(
                frame,
                event_col="event",
                start_col="start",
                stop_col="stop",
                id_col="id",
                weights_col="weight",
            )
            return model.params_

        coefficients = converged(fit, "cox", len(rows)).to_numpy()
        risk = weight @ (at_risk * _relative_hazard(columns, coefficients))
        events = np.bincount(at, frame["event"] * frame["weight"], at_risk.shape[1])
        # Breslow (1972): events over the relative hazard at risk.
        baseline = np.divide(events, risk, out=np.zeros_like(risk), where=risk > 0)
        return cls(covariates, coefficients, baseline)

    def forecast(self, study: Study) -> Forecast:
        """Return exp(- the sum of baseline × relative hazard so far)."""
        columns = _columns(self.covariates.transform(study.features), study.known_histories)
        hazard = self.baseline * _relative_hazard(columns, self.coefficients)
        return Forecast.of(np.exp(-np.cumsum(hazard, axis=1)))


def _at_risk(targets: Targets) -> np.ndarray:
    """Return who is at risk at which checkpoint, bool [n, c]: after the first evaluation."""
    place = np.arange(1, targets.n_times + 1)
    first = targets.first_evaluation[:, None]
    return (place <= targets.time[:, None]) & ((place > first) | (first == 1))


def _columns(text: np.ndarray, histories: Histories) -> np.ndarray:
    """Return the covariates at each checkpoint, float [n, c, k]."""
    own = clock(histories)
    moving = [own[name] for name in EXPOSURE if name in own]
    still = np.broadcast_to(text[:, None], (len(text), len(histories.steps), text.shape[1]))
    return np.concatenate([still, *(column[:, :, None] for column in moving)], axis=2)


def _relative_hazard(columns: np.ndarray, coefficients: np.ndarray) -> np.ndarray:
    return np.exp(np.clip(columns @ coefficients, -LIMIT, LIMIT))
