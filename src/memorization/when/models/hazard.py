"""The discrete-time hazard as a logistic regression on the person-period table."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from memorization.when.covariates import Covariates
from memorization.when.models.files import read_json, write_json
from memorization.when.models.model import SurvivalModel
from memorization.when.person_period import (
    PersonPeriod,
    event_bins,
    person_period,
    survival_of_hazard,
)
from memorization.when.targets import Targets

# Bins of checkpoints in which the baseline hazard is constant.
N_BINS = 24

# The baseline is estimated, not shrunk: its indicators are scaled up by this, which divides their
# penalty by the square.
LIGHT = 30.0


@dataclass(frozen=True)
class Hazard(SurvivalModel):
    """Log-odds of the event at a checkpoint = baseline of its bin + linear in the covariates.

    The proportional odds model of Cox (1972, section 6), for times on a grid. It takes entry and
    censoring as they are: a sequence contributes the checkpoints at which it was at risk.

    Attributes
    ----------
    covariates : the map from features to k covariates.
    coefficients : float [k], log odds ratio a weighted standard deviation.
    baseline : float [b], log-odds in each bin at the covariates' means.
    bins : int [c], bin of each checkpoint.
    """

    covariates: Covariates
    coefficients: np.ndarray
    baseline: np.ndarray
    bins: np.ndarray

    @classmethod
    def fit(
        cls, features: pd.DataFrame, targets: Targets, weight: np.ndarray, seed: int, threads: int
    ) -> Self:
        """Return the maximum of the weighted, L2-penalised likelihood."""
        covariates = Covariates.fit(features, weight)
        bins = event_bins(targets, N_BINS)
        table = person_period(targets, bins)
        coefficients, baseline = fit_logistic(
            covariates.transform(features), table, weight / weight.mean()
        )
        return cls(covariates, coefficients, baseline, bins)

    def survival(self, features: pd.DataFrame) -> np.ndarray:
        """Return the product of 1 - hazard over the checkpoints so far, float [n, c]."""
        linear = self.covariates.transform(features) @ self.coefficients
        return survival_of_hazard(expit(linear[:, None] + self.baseline), self.bins)

    def save(self, path: Path) -> None:
        """Write covariates, coefficients, baseline and bins as JSON."""
        values = {
            "coefficients": dict(
                zip(self.covariates.names, self.coefficients.tolist(), strict=True)
            ),
            "baseline": self.baseline.tolist(),
            "bins": self.bins.tolist(),
            "covariates": self.covariates.to_json(),
        }
        write_json(values, path)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Return the model in a file."""
        values = read_json(path)
        return cls(
            Covariates.from_json(values["covariates"]),
            np.array(list(values["coefficients"].values()), dtype=np.float64),
            np.array(values["baseline"]),
            np.array(values["bins"], dtype=np.int64),
        )


def fit_logistic(
    x: np.ndarray, table: PersonPeriod, weight: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return coefficients [k] and baseline log-odds [b] of the person-period table.

    A row that stands for several checkpoints weighs as many, which is the same likelihood.

    Parameters
    ----------
    x : float [n, k], covariates of the sequences.
    weight : float [n], of mean 1, so that the penalty means the same at any size of population.
    """
    baseline = LIGHT * np.eye(table.bin.max() + 1)[table.bin]
    design = np.hstack([x[table.row], baseline])
    model = LogisticRegression(solver="newton-cholesky", fit_intercept=False, tol=1e-8)
    model.fit(design, table.event, sample_weight=weight[table.row] * table.count)
    estimates = model.coef_[0]
    return estimates[: x.shape[1]], LIGHT * estimates[x.shape[1] :]
