"""Intensities as gradient-boosted trees: thresholds and interactions of text, exposure and time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd
from scipy.special import expit
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

from memorization.evaluation.crossfit import unit_weight
from memorization.intensities.clock import clock, clock_of
from memorization.intensities.covariates import Groups
from memorization.intensities.forward import Intensities
from memorization.intensities.logistic import FREE
from memorization.intensities.transitions import AGES, Periods, thinned, transitions
from memorization.study import Histories, Study

# Fixed rather than searched: what is independent are texts, not rows. A leaf of so many rows may
# hold one text, whence the calibration.
SETTINGS = {
    "max_iter": 60,
    "learning_rate": 0.1,
    "max_leaf_nodes": 6,
    "min_samples_leaf": 50,
    "l2_regularization": 1.0,
    "max_bins": 32,
    "early_stopping": False,
}
# Rows that a transition is fitted to at most.
LARGEST = 10_000
# Rows of a prediction at a time: of 70 columns they are a megabyte or two.
CACHED = 4_096
# The chance of an onset so far, below which what would come after it is not asked.
UNLIKELY = 0.01


@dataclass(frozen=True)
class Calibrated:
    """Trees whose log-odds are put right by what they say of texts that they have not seen.

    Attributes
    ----------
    trees : the classifier.
    intercept, slope : from its log-odds to those to be given.
    """

    trees: HistGradientBoostingClassifier
    intercept: float
    slope: float

    @classmethod
    def fit(
        cls, design: np.ndarray, event: np.ndarray, weight: np.ndarray, fold: np.ndarray, seed: int
    ) -> Self | None:
        """Return the trees of all rows, calibrated out of fold (Platt 1999); None if they say
        nothing there.

        Parameters
        ----------
        design, event, weight, fold : float32 [m, k], bool, float and int [m].
        """

        def grown(rows: np.ndarray) -> HistGradientBoostingClassifier:
            own = design[rows]
            # scikit-learn finds no bins in a column without a known value; a constant is not split.
            own[:, np.isnan(own).all(axis=0)] = 0.0
            model = HistGradientBoostingClassifier(random_state=seed, **SETTINGS)
            return model.fit(own, event[rows], sample_weight=weight[rows])

        log_odds = np.full(len(event), np.nan)
        for test in np.unique(fold):
            others = fold != test
            if event[others].any() and not event[others].all():
                log_odds[~others] = grown(others).decision_function(design[~others])
        known = ~np.isnan(log_odds)
        if not event[known].any() or event[known].all():
            return None
        line = LogisticRegression(C=FREE)
        line.fit(log_odds[known, None], event[known], sample_weight=weight[known])
        slope = float(line.coef_[0, 0])
        return (
            cls(grown(np.full(len(event), True)), float(line.intercept_[0]), slope)
            if slope > 0
            else None
        )

    def log_odds(self, design: np.ndarray) -> np.ndarray:
        """Return the log-odds of each row of a design, float [m]."""
        found: np.ndarray = self.intercept + self.slope * self.trees.decision_function(design)
        return found


@dataclass(frozen=True)
class BoostedIntensities(Intensities):
    """Trees on groups of the features' values, exposure, time, and time in the state.

    They are not kept: fitted again from the study in seconds.

    Attributes
    ----------
    groups : the map from features to groups of values.
    terms : the covariates of the clock.
    trees : transition -> the classifier, or the log-odds of all where there was too little to fit,
        or where trees say nothing of texts that they have not seen.
    shifts : transition -> the log-odds that thinning added.
    """

    groups: Groups
    terms: tuple[str, ...]
    trees: dict[str, Calibrated | float]
    shifts: dict[str, float]

    @classmethod
    def fit(cls, study: Study, rng: np.random.Generator, largest: int = LARGEST) -> Self:
        """Return the trees; parameters are as for `LogisticIntensities.fit`."""
        histories = study.known_histories
        groups = Groups.fit(study.features)
        text = groups.transform(study.features)
        terms = tuple(clock(histories))
        moving = _moving(histories, terms)
        weight = unit_weight(study.weight)
        trees: dict[str, Calibrated | float] = {}
        shifts: dict[str, float] = {}
        for name, periods in transitions(histories).items():
            kept, shifts[name] = thinned(periods, largest, rng)
            own = weight[kept.row]
            found = None
            if not kept.are_few:
                design, seed = _design(kept, text, moving), int(rng.integers(2**31))
                found = Calibrated.fit(design, kept.event, own, study.fold[kept.row], seed)
            trees[name] = found or kept.log_odds(own)
        return cls(groups, terms, trees, shifts)

    def chances(self, features: pd.DataFrame, histories: Histories) -> dict[str, np.ndarray]:
        """Return the chances; see `Intensities.chances`.

        Where a first onset by then is unlikely, the chances of onset again and of loss are the mean
        of those where it is not: trees take their time, and who is hardly ever there need not be
        told how to leave.
        """
        text = self.groups.transform(features)
        moving = _moving(histories, self.terms)
        n, c = histories.memorized.shape
        found: dict[str, np.ndarray] = {}
        there = np.ones((n, c), bool)
        for name, model in self.trees.items():
            ages = 1 if name == "first" else len(AGES)
            row, at = (np.repeat(part, ages) for part in np.nonzero(there))
            age = np.tile(np.arange(ages), len(row) // ages)
            if isinstance(model, float):
                log_odds = np.full(len(row), model)
            else:
                rows = Periods(row, at, age, np.zeros(len(row), bool))
                log_odds = _decided(model, rows, text, moving)
            chance = expit(log_odds - self.shifts[name]).reshape(-1, ages)
            found[name] = np.empty((n, c, ages))
            found[name][:] = chance.mean(axis=0) if len(chance) else 0.0
            found[name][there] = chance
            if name == "first":
                there = 1 - np.cumprod(1 - found[name][:, :, 0], axis=1) > UNLIKELY
        return found


def _moving(histories: Histories, terms: tuple[str, ...]) -> np.ndarray:
    return np.stack(clock_of(histories, terms), axis=2).astype(np.float32)


def _decided(
    model: Calibrated, periods: Periods, text: np.ndarray, moving: np.ndarray
) -> np.ndarray:
    """Return the log-odds of each row, so many at a time that all trees find them in the cache."""
    found = np.empty(len(periods.row))
    for start in range(0, len(found), CACHED):
        part = periods.take(np.arange(start, min(start + CACHED, len(found))))
        found[start : start + CACHED] = model.log_odds(_design(part, text, moving))
    return found


def _design(periods: Periods, text: np.ndarray, moving: np.ndarray) -> np.ndarray:
    return np.hstack(
        [text[periods.row], moving[periods.row, periods.at], periods.age[:, None]],
        dtype=np.float32,
    )
