"""The Cox model with exposures that change over time, fitted by lifelines.

It is valid for the first onset alone: risk sets take late entry and covariates that change, but no
second event. Who had the event by the first evaluation is in none of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd
from lifelines import CoxTimeVaryingFitter

from memorization.evaluation.crossfit import unit_weight
from memorization.intensities.clock import EXPOSURE, clock
from memorization.intensities.covariates import Covariates
from memorization.intensities.forward import Forecast
from memorization.study import Histories, Study, Targets
from memorization.when.models.parsimonious import ParsimoniousModel, converged

# exp(50) times any baseline hazard is certainty; beyond it only overflow is to be had.
LIMIT = 50.0


@dataclass(frozen=True)
class Cox(ParsimoniousModel):
    """Log hazard = log baseline + linear in text, count and exposures so far (Cox 1972).

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
