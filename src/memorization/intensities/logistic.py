"""Intensities as logistic regressions, whose every coefficient can be read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd
from scipy.special import expit
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import SplineTransformer

from memorization.evaluation.crossfit import thinned as thinned_rows
from memorization.evaluation.crossfit import unit_weight
from memorization.evaluation.penalty import best_c
from memorization.intensities.clock import clock, clock_of
from memorization.intensities.covariates import Covariates
from memorization.intensities.forward import Intensities
from memorization.intensities.transitions import (
    AGES,
    FEW_CHECKPOINTS,
    Periods,
    thinned,
    transitions,
)
from memorization.study import Histories, Study

# Inverse strengths of the penalty to choose from, the strongest first; with weights of mean 1 it is
# the variance that is expected of a standardised covariate's coefficient.
GRID = (0.0001, 0.001, 0.01, 0.1)
DEFAULT = 0.001
# In place of no penalty, which a maximum at infinity would not bear.
FREE = 1e4
# Time and exposure are few and estimated, not shrunk: their penalty is divided by its square.
LIGHT = 10.0
# Rows that the penalty is chosen on, and that a transition is fitted to, at most.
LARGEST_CHOICE = 3_000
LARGEST = 20_000
# The part of training that is over enters as B-splines of so many knots and this degree: flexible,
# but smooth. A few checkpoints bear a straight line.
CURVE, LINE = (4, 3), (2, 1)


@dataclass(frozen=True)
class Coefficients:
    """Of the log-odds of one transition at a checkpoint.

    Attributes
    ----------
    intercept : float
    text : list of float [k], of standardised features.
    clock : list of float [q], of exposure and time.
    age : list of float [len(AGES) - 1], of the longer times in a state, less the shortest; none
        for a first onset.
    c : the inverse strength of the penalty.
    """

    intercept: float
    text: list[float]
    clock: list[float]
    age: list[float]
    c: float


@dataclass(frozen=True)
class LogisticIntensities(Intensities):
    """Log-odds of each transition: linear in features and exposures, smooth in time.

    Attributes
    ----------
    terms : the covariates of the clock, the last of which, the part of training that is over,
        enters as a spline.
    spline : its knots and degree.
    covariates : the map from features to standardised ones.
    coefficients : transition -> its coefficients.
    """

    terms: tuple[str, ...]
    spline: tuple[int, int]
    covariates: Covariates
    coefficients: dict[str, Coefficients]

    @classmethod
    def fit(
        cls,
        study: Study,
        rng: np.random.Generator,
        grid: Sequence[float] = GRID,
        largest: int = LARGEST,
    ) -> Self:
        """Return the maximum of the weighted, L2-penalised likelihood.

        Parameters
        ----------
        study : with histories; its features, if any, are the texts'.
        rng : thins the rows without an event, beyond ``largest``, and those of the choice.
        grid : of the penalty, see `GRID`; of one, nothing is chosen.
        """
        histories = study.known_histories
        covariates = Covariates.fit(study.features, study.weight)
        text = covariates.transform(study.features)
        terms = tuple(clock(histories))
        spline = CURVE if len(histories.steps) >= FEW_CHECKPOINTS else LINE
        moving = time_columns(histories, terms, spline)
        weight = unit_weight(study.weight)
        found = {}
        for name, periods in transitions(histories).items():
            kept, shift = thinned(periods, largest, rng)
            found[name] = _fitted(
                name, kept, shift, text, moving, weight[kept.row], study.fold[kept.row], grid, rng
            )
        return cls(terms, spline, covariates, found)

    def chances(self, features: pd.DataFrame, histories: Histories) -> dict[str, np.ndarray]:
        """Return the chances; see `Intensities.chances`."""
        text = self.covariates.transform(features)
        moving = time_columns(histories, self.terms, self.spline)
        found = {}
        for name, own in self.coefficients.items():
            log_odds = own.intercept + (text @ np.array(own.text))[:, None] + moving @ own.clock
            of_age = np.zeros(1) if name == "first" else np.array([0.0, *own.age])
            found[name] = expit(log_odds[:, :, None] + of_age)
        return found


def time_columns(histories: Histories, terms: Sequence[str], spline: tuple[int, int]) -> np.ndarray:
    """Return the covariates of exposure and time, float64 [n, c, q]: the terms, then the spline.

    Parameters
    ----------
    terms : of the clock; the last is the part of training that is over.
    spline : its knots and degree.
    """
    *others, fraction = clock_of(histories, terms)
    knots, degree = spline
    curve = SplineTransformer(n_knots=knots, degree=degree, include_bias=False)
    basis = curve.fit([[0.0], [1.0]]).transform(fraction[:1].T)
    smooth = np.broadcast_to(basis, (*fraction.shape, basis.shape[1]))
    return np.concatenate([*(column[:, :, None] for column in others), smooth], axis=2)


def design(name: str, periods: Periods, text: np.ndarray, moving: np.ndarray) -> np.ndarray:
    """Return the covariates of a person-period table, float64 [m, k + q + ages]."""
    ages = (
        np.eye(len(AGES))[periods.age, 1:] if name != "first" else np.empty((len(periods.row), 0))
    )
    return np.hstack([text[periods.row], moving[periods.row, periods.at], ages])


def _fitted(
    name: str,
    periods: Periods,
    shift: float,
    text: np.ndarray,
    moving: np.ndarray,
    weight: np.ndarray,
    fold: np.ndarray,
    grid: Sequence[float],
    rng: np.random.Generator,
) -> Coefficients:
    k, q = text.shape[1], moving.shape[2]
    ages = 0 if name == "first" else len(AGES) - 1
    if periods.are_few:
        log_odds = periods.log_odds(weight) - shift
        return Coefficients(log_odds, [0.0] * k, [0.0] * q, [0.0] * ages, 0.0)
    scale = np.full(k + q + ages, LIGHT)
    scale[:k] = 1.0
    c = grid[0]
    if len(grid) > 1:
        rows, kept = thinned_rows(periods.event, weight, LARGEST_CHOICE, rng)
        few = design(name, periods.take(rows), text, moving) * scale
        c = best_c(few, periods.event[rows], kept, fold[rows], grid, DEFAULT, "newton-cholesky")
    model = LogisticRegression(C=c, solver="newton-cholesky", max_iter=200)
    model.fit(design(name, periods, text, moving) * scale, periods.event, sample_weight=weight)
    found = (model.coef_[0] * scale).tolist()
    # Thinning made events commoner.
    intercept = float(model.intercept_[0]) - shift
    return Coefficients(intercept, found[:k], found[k : k + q], found[k + q :], float(c))
