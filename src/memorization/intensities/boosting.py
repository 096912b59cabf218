"""Intensities as gradient-boosted trees: thresholds and interactions of text, exposure and time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd
from scipy.special import expit
from sklearn.ensemble import HistGradientBoostingClassifier

from memorization.evaluation.crossfit import unit_weight
from memorization.intensities.clock import clock, clock_of
from memorization.intensities.covariates import Groups
from memorization.intensities.forward import Intensities
from memorization.intensities.transitions import AGES, Periods, thinned, transitions
from memorization.study import Histories, Study

# Careful settings, fixed rather than searched: what is independent are texts, not rows.
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
class BoostedIntensities(Intensities):
    """Trees on groups of the features' values, exposure, time, and time in the state.

    They are not kept: fitted again from the study in seconds.

    Attributes
    ----------
    groups : the map from features to groups of values.
    terms : the covariates of the clock.
    trees : transition -> the classifier, or the log-odds of all where there was too little to fit.
    shifts : transition -> the log-odds that thinning added.
    """

    groups: Groups
    terms: tuple[str, ...]
    trees: dict[str, HistGradientBoostingClassifier | float]
    shifts: dict[str, float]

    @classmethod
    def fit(cls, study: Study, rng: np.random.Generator, largest: int = LARGEST) -> Self:
        """Return the trees; parameters are as for `LogisticIntensities.fit`."""
        histories = study.known_histories
        groups = Groups.fit(study.features)
        text = groups.transform(study.features)
        # scikit-learn finds no bins in a column without a known value; a constant one is not split.
        text[:, np.isnan(text).all(axis=0)] = 0.0
        terms = tuple(clock(histories))
        moving = _moving(histories, terms)
        weight = unit_weight(study.weight)
        trees: dict[str, HistGradientBoostingClassifier | float] = {}
        shifts: dict[str, float] = {}
        for name, periods in transitions(histories).items():
            kept, shifts[name] = thinned(periods, largest, rng)
            own = weight[kept.row]
            if kept.are_few:
                trees[name] = kept.log_odds(own)
                continue
            model = HistGradientBoostingClassifier(
                random_state=int(rng.integers(2**31)), **SETTINGS
            )
            trees[name] = model.fit(_design(kept, text, moving), kept.event, sample_weight=own)
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
    model: HistGradientBoostingClassifier, periods: Periods, text: np.ndarray, moving: np.ndarray
) -> np.ndarray:
    """Return the log-odds of each row, so many at a time that all trees find them in the cache."""
    found = np.empty(len(periods.row))
    for start in range(0, len(found), CACHED):
        part = periods.take(np.arange(start, min(start + CACHED, len(found))))
        found[start : start + CACHED] = model.decision_function(_design(part, text, moving))
    return found


def _design(periods: Periods, text: np.ndarray, moving: np.ndarray) -> np.ndarray:
    return np.hstack(
        [text[periods.row], moving[periods.row, periods.at], periods.age[:, None]],
        dtype=np.float32,
    )
