"""Accelerated failure time, fitted by lifelines to intervals between checkpoints.

It is valid for the first onset alone, of sequences whose covariates do not change: it takes times
as what they are, known to lie between two evaluations, or before the first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd
from lifelines import LogLogisticAFTFitter

from memorization.evaluation.crossfit import unit_weight
from memorization.intensities.covariates import Covariates
from memorization.intensities.forward import Forecast
from memorization.study import Study
from memorization.when.models.parsimonious import ParsimoniousModel, converged

# lifelines wants the lower end of an interval above 0; nothing happens in a first part so small.
SOONEST = 1e-6


@dataclass(frozen=True)
class AFT(ParsimoniousModel):
    """Log of the time of onset = linear in the covariates + logistic error.

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
