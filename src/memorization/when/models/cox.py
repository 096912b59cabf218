"""The Cox proportional hazards model, fitted by lifelines."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import pandas as pd
from lifelines import CoxPHFitter
from lifelines.exceptions import ConvergenceError, StatisticalWarning

from memorization.errors import UserError
from memorization.evaluation.crossfit import unit_weight
from memorization.study import Study, Targets
from memorization.when.models.linear import Covariates, LinearModel

# Strength of the L2 penalty, in units of the log-likelihood of all rows; when Newton's method does
# not converge, as where covariates separate the events, the next one is tried. A rare covariate
# that nearly always means the event, such as a smaller model's memory, takes the later ones.
PENALTIES = (1.0, 10.0, 100.0, 1e3, 1e4)

# exp(50) times any baseline hazard is certainty; beyond it only overflow is to be had.
LIMIT = 50.0


@dataclass(frozen=True)
class Cox(LinearModel):
    """Log hazard = log baseline + linear in the covariates (Cox 1972).

    Attributes
    ----------
    coefficients : float [k], log hazard ratios.
    baseline : float [c], cumulative hazard at each checkpoint at the covariates' means.
    """

    baseline: np.ndarray
    largest: ClassVar[int | None] = 100_000

    @classmethod
    def train(cls, rows: Study, seed: int) -> Self:
        """Return the maximum of Efron's weighted, penalised partial likelihood."""
        covariates = Covariates.fit(rows.features, rows.weight)
        x = covariates.transform(rows.features)
        coefficients = _coefficients(x, rows.times, unit_weight(rows.weight))
        baseline = breslow(rows.times, rows.weight, _relative_hazard(x @ coefficients))
        return cls(covariates, coefficients, baseline)

    def survival(self, features: pd.DataFrame) -> np.ndarray:
        """Return exp(-baseline × relative hazard), float [n, c]."""
        return np.exp(-_relative_hazard(self.linear(features))[:, None] * self.baseline)


def breslow(targets: Targets, weight: np.ndarray, relative_hazard: np.ndarray) -> np.ndarray:
    """Return the baseline cumulative hazard at each checkpoint, float [c] (Breslow 1972).

    The sum over checkpoints of weighted events / weighted relative hazard at risk, on the grid.
    """
    positions = np.arange(1, targets.n_times + 1)
    at_risk = positions <= targets.time[:, None]
    events = np.bincount(targets.time, targets.event * weight, targets.n_times + 1)[1:]
    risk = (weight * relative_hazard) @ at_risk
    return np.cumsum(np.divide(events, risk, out=np.zeros_like(risk), where=risk > 0))


def _relative_hazard(linear: np.ndarray) -> np.ndarray:
    return np.exp(np.clip(linear, -LIMIT, LIMIT))


def _coefficients(x: np.ndarray, targets: Targets, weight: np.ndarray) -> np.ndarray:
    """Return lifelines' coefficients of the covariates, float [k]; weights have mean 1."""
    if not x.shape[1]:
        return np.zeros(0)
    frame = pd.DataFrame(x).add_prefix("x")
    frame["time"], frame["event"], frame["weight"] = targets.time, targets.event, weight
    for penalty in PENALTIES:
        model = CoxPHFitter(penalizer=penalty / len(frame))
        with warnings.catch_warnings():
            # RuntimeWarning includes lifelines' own. That weights make its standard errors wrong
            # does not matter: they are not used.
            warnings.simplefilter("error", RuntimeWarning)
            warnings.simplefilter("ignore", StatisticalWarning)
            try:
                model.fit(frame, "time", "event", weights_col="weight")
            except (ConvergenceError, RuntimeWarning):
                continue
        return model.params_.to_numpy()
    raise UserError(
        f"when.models: 'cox' does not converge on these {len(frame)} sequences with "
        f"{int(frame['event'].sum())} events; study more of them or leave it out"
    )
