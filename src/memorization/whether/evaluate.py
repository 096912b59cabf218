"""Out-of-fold probabilities and decisions: nothing is scored by a model that has seen its cluster.

The threshold of a decision is a parameter like any other, so it is chosen on the training folds
alone: the one with the highest weighted F1 over *inner* out-of-fold predictions, made by models
that were fitted without the training fold that they predict. Predictions of the rows that a model
was fitted to would not do: boosted trees separate their own training rows almost perfectly, and a
threshold chosen there is far too high for new ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from memorization.evaluation.metrics.decision import best_f1_threshold
from memorization.tiers import informative_tiers
from memorization.whether.baselines import Rates, baselines_for
from memorization.whether.models.fitted import Fit, Predictor


@dataclass(frozen=True)
class Candidate:
    """A classifier or a baseline, and the columns that it is given.

    Attributes
    ----------
    model, tier : as in the tables.
    columns : of the features.
    fit : how to fit it.
    """

    model: str
    tier: str
    columns: tuple[str, ...]
    fit: Fit


@dataclass(frozen=True)
class CrossFit:
    """What cross-fitting gives.

    Attributes
    ----------
    probability : float [n], from the model fitted without the row's fold.
    decision : bool [n], at the threshold chosen without the row's fold.
    threshold : float [n_folds], of each test fold.
    fitted : dict, test fold -> the model fitted without it.
    """

    probability: np.ndarray
    decision: np.ndarray
    threshold: np.ndarray
    fitted: Mapping[int, Predictor] = field(default_factory=dict)


def candidates(columns: Mapping[str, Sequence[str]], models: Mapping[str, Fit]) -> list[Candidate]:
    """Return every model at every tier, and the baselines, in order of tier.

    Parameters
    ----------
    columns : dict, tier -> the columns that it may use, from the lowest tier to the highest.
        Models are left out of a tier that adds none to the one below.
    models : dict, name -> fit
    """
    every = list(columns.values())[-1] if columns else []
    baselines = baselines_for(every)
    informative = informative_tiers(columns)
    found: list[Candidate] = []
    for tier in columns:
        found += [Candidate(b.name, tier, b.columns, b.fit) for b in baselines if b.tier == tier]
        if tier in informative:
            found += [Candidate(name, tier, informative[tier], fit) for name, fit in models.items()]
    return found


def fit_rows(
    fit: Fit,
    features: pd.DataFrame,
    truth: np.ndarray,
    weight: np.ndarray,
    fold: np.ndarray,
    rows: np.ndarray,
    seed: int,
) -> Predictor:
    """Return the model fitted to the rows of a mask; their prevalence, if they are of one class."""
    if not rows.any():
        raise ValueError("no rows to fit to: thresholds take three folds or more")
    if truth[rows].all() or not truth[rows].any():
        rate = float(truth[rows].any())
        return Rates(None, rate, rate)
    return fit(features[rows], truth[rows], weight[rows], fold[rows], seed)


def out_of_fold(
    fit: Fit,
    features: pd.DataFrame,
    truth: np.ndarray,
    weight: np.ndarray,
    fold: np.ndarray,
    seed: int,
) -> np.ndarray:
    """Return each row's probability under the model fitted to the other folds, float64 [n].

    Parameters
    ----------
    fit : callable
    features : DataFrame [n]
    truth : bool [n]
    weight : float [n]
    fold : int [n]
    seed : int
    """
    return predict_folds(fit_folds(fit, features, truth, weight, fold, seed), features, fold)


def fit_folds(
    fit: Fit,
    features: pd.DataFrame,
    truth: np.ndarray,
    weight: np.ndarray,
    fold: np.ndarray,
    seed: int,
) -> dict[int, Predictor]:
    """Return the model fitted without each fold; the parameters are those of `out_of_fold`."""
    return {
        int(test): fit_rows(fit, features, truth, weight, fold, fold != test, seed)
        for test in np.unique(fold)
    }


def predict_folds(
    fitted: Mapping[int, Predictor], features: pd.DataFrame, fold: np.ndarray
) -> np.ndarray:
    """Return each row's probability under the model fitted without its fold, float64 [n]."""
    probability = np.empty(len(fold))
    for test, model in fitted.items():
        probability[fold == test] = model.predict(features[fold == test])
    return probability


def cross_fit(
    fit: Fit,
    features: pd.DataFrame,
    truth: np.ndarray,
    weight: np.ndarray,
    fold: np.ndarray,
    seed: int,
) -> CrossFit:
    """Return out-of-fold probabilities, and decisions at thresholds of the training folds.

    The parameters are those of `out_of_fold`. A model without folds i and j serves twice: it
    predicts j to choose the threshold of i, and i to choose that of j.
    """
    folds = np.unique(fold)
    outer = fit_folds(fit, features, truth, weight, fold, seed)
    probability = predict_folds(outer, features, fold)
    inner = np.empty((len(folds), len(truth)))
    for i, first in enumerate(folds):
        for j, second in enumerate(folds[:i]):
            kept = (fold != first) & (fold != second)
            fitted = fit_rows(fit, features, truth, weight, fold, kept, seed)
            inner[i, fold == second] = fitted.predict(features[fold == second])
            inner[j, fold == first] = fitted.predict(features[fold == first])
    threshold = np.empty(len(folds))
    decision = np.empty(len(truth), dtype=bool)
    for i, test in enumerate(folds):
        train = fold != test
        threshold[i] = best_f1_threshold(truth[train], inner[i, train], weight[train])
        decision[~train] = probability[~train] >= threshold[i]
    return CrossFit(probability, decision, threshold, outer)
