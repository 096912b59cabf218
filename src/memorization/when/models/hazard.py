"""The discrete-time hazard as a logistic regression on the person-period table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd
from scipy.linalg import solve
from scipy.special import expit

from memorization.evaluation.crossfit import unit_weight
from memorization.study import Study
from memorization.when.models.linear import Covariates, LinearModel
from memorization.when.person_period import (
    PersonPeriod,
    event_bins,
    person_period,
    survival_of_hazard,
)

# Bins of checkpoints in which the baseline hazard is constant.
N_BINS = 24

# The baseline is estimated, not shrunk: its penalty is divided by the square of this.
LIGHT = 30.0

# Newton's method: its end, in units of the estimates, and what is never needed.
TOLERANCE = 1e-9
ITERATIONS = 100
SHORTEST = 1e-6


@dataclass(frozen=True)
class Hazard(LinearModel):
    """Log-odds of the event at a checkpoint = baseline of its bin + linear in the covariates.

    The proportional odds model of Cox (1972, section 6), for times on a grid. It takes
    censoring as it is: a sequence contributes the checkpoints at which it was at risk.

    Attributes
    ----------
    coefficients : float [k], log odds ratios.
    baseline : float [b], log-odds in each bin at the covariates' means.
    bins : int [c], bin of each checkpoint.
    """

    baseline: np.ndarray
    bins: np.ndarray

    @classmethod
    def train(cls, rows: Study, seed: int) -> Self:
        """Return the maximum of the weighted, L2-penalised likelihood."""
        covariates = Covariates.fit(rows.features, rows.weight)
        bins = event_bins(rows.times, N_BINS)
        table = person_period(rows.times, bins)
        x = covariates.transform(rows.features)
        coefficients, baseline = fit_logistic(x, table, unit_weight(rows.weight))
        return cls(covariates, coefficients, baseline, bins)

    def survival(self, features: pd.DataFrame) -> np.ndarray:
        """Return the product of 1 - hazard over the checkpoints so far, float [n, c]."""
        hazard = expit(self.linear(features)[:, None] + self.baseline)
        return survival_of_hazard(hazard, self.bins)


def fit_logistic(
    x: np.ndarray, table: PersonPeriod, weight: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return coefficients [k] and baseline log-odds [b] of the person-period table.

    A row that stands for several checkpoints weighs as many, which is the same likelihood. Newton's
    method, in which a sequence's rows share its covariates: they enter the k × k products once, not
    once a bin, so that neither time nor memory grows with bins times covariates.

    Parameters
    ----------
    x : float [n, k], covariates of the sequences.
    weight : float [n], of mean 1, so that the penalty means the same at any size of population.
    """
    n, k, b = len(x), x.shape[1], int(table.bin.max()) + 1
    cell, counted = table.row * b + table.bin, weight[table.row] * table.count
    at_risk = np.bincount(cell, counted, n * b).reshape(n, b)
    events = np.bincount(cell, counted * table.event, n * b).reshape(n, b)
    penalty = np.concatenate([np.ones(k), np.full(b, LIGHT**-2)])

    def linear(estimates: np.ndarray) -> np.ndarray:
        return (x @ estimates[:k])[:, None] + estimates[k:]

    def loss(estimates: np.ndarray) -> float:
        eta = linear(estimates)
        fit = (at_risk * np.logaddexp(0, eta) - events * eta).sum()
        return float(fit + penalty @ estimates**2 / 2)

    estimates = np.zeros(k + b)
    for _ in range(ITERATIONS):
        hazard = expit(linear(estimates))
        residual, curvature = at_risk * hazard - events, at_risk * hazard * (1 - hazard)
        gradient = penalty * estimates
        gradient += np.concatenate([x.T @ residual.sum(axis=1), residual.sum(axis=0)])
        hessian = np.diag(penalty + np.concatenate([np.zeros(k), curvature.sum(axis=0)]))
        hessian[:k, :k] += x.T @ (curvature.sum(axis=1)[:, None] * x)
        hessian[:k, k:] = x.T @ curvature
        hessian[k:, :k] = hessian[:k, k:].T
        step = solve(hessian, -gradient, assume_a="pos")
        before, length = loss(estimates), 1.0
        # The loss is convex: a shorter step goes down, except in its last bits.
        while length > SHORTEST and loss(estimates + length * step) > before:
            length /= 2
        estimates = estimates + length * step
        if np.abs(step).max() < TOLERANCE:
            break
    return estimates[:k], estimates[k:]
