"""Baselines: what a model must beat to have learnt anything.

Each belongs to the tier of what it needs, and is fitted, predicted and scored as the models are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from memorization.study.strata import CONTINUATIONS, DUPLICATES
from memorization.whether.models import logistic
from memorization.whether.models.fitted import Fit, Fitted, unit_weight

# The baselines that know one count alone, and that count.
COUNTS = {"duplicate_count": DUPLICATES, "continuation_count": CONTINUATIONS}


@dataclass(frozen=True)
class Baseline:
    """One baseline.

    Attributes
    ----------
    name, tier : as in the tables.
    columns : the features that it needs.
    fit : as a model's.
    """

    name: str
    tier: str
    columns: tuple[str, ...]
    fit: Fit


@dataclass(frozen=True)
class Rates:
    """Predicts a rate for each value of a yes-or-no column; without a column, one rate for all."""

    column: str | None
    no: float
    yes: float

    def predict(self, features: pd.DataFrame) -> np.ndarray:
        """Return the probability of being memorized, float64 [n]."""
        if self.column is None:
            return np.full(len(features), self.no)
        return np.where(features[self.column].to_numpy() > 0, self.yes, self.no)


def prevalence(
    features: pd.DataFrame, truth: np.ndarray, weight: np.ndarray, fold: np.ndarray, seed: int
) -> Rates:
    """Return the share of the population that is memorized, for everyone."""
    rate = float(np.average(truth, weights=weight))
    return Rates(None, rate, rate)


def one_count(
    features: pd.DataFrame, truth: np.ndarray, weight: np.ndarray, fold: np.ndarray, seed: int
) -> Fitted:
    """Return the logistic regression on log(1 + a count): copies in the training data.

    Log-linear is how memorization was found to grow with copies (Carlini et al. 2023, figure 1b).
    """
    (column,) = features.columns
    return logistic.fit(features[[column]], truth, weight, fold, seed)


def smaller_sibling(
    features: pd.DataFrame, truth: np.ndarray, weight: np.ndarray, fold: np.ndarray, seed: int
) -> Rates:
    """Return the rates given that the next smaller model has, or has not, memorized the sequence.

    The smaller model as predictor (Biderman et al. 2023, table 1), turned into probabilities. One
    row of average weight at the overall rate is added to each side, so that no rate is 0 or 1.
    """
    (column,) = features.columns
    memorized, weight = features[column].to_numpy() > 0, unit_weight(weight)
    overall = float(np.average(truth, weights=weight))
    no, yes = (
        float((weight[side] @ truth[side] + overall) / (weight[side].sum() + 1))
        for side in (~memorized, memorized)
    )
    return Rates(column, no, yes)


def next_smaller(columns: Sequence[str]) -> str | None:
    """Return the column of the largest of the smaller models' labels; None without siblings.

    Siblings come in order of size, as `memorization.features.sibling` writes them.

    >>> next_smaller(["sibling.a_memorized", "sibling.b_memorized", "sibling.n_memorized"])
    'sibling.b_memorized'
    """
    labels = [
        column
        for column in columns
        if column.startswith("sibling.") and column.endswith("_memorized")
    ]
    models = [column for column in labels if column != "sibling.n_memorized"]
    return models[-1] if models else None


def baselines_for(columns: Sequence[str]) -> list[Baseline]:
    """Return the baselines that these columns allow: all but those whose column is missing.

    Parameters
    ----------
    columns : of the features table.
    """
    found = [Baseline("prevalence", "text", (), prevalence)]
    found += [
        Baseline(name, "corpus", (column,), one_count)
        for name, column in COUNTS.items()
        if column in columns
    ]
    sibling = next_smaller(columns)
    if sibling is not None:
        found.append(Baseline("smaller_sibling", "sibling", (sibling,), smaller_sibling))
    return found
