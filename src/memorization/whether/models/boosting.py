"""Gradient-boosted trees: thresholds and interactions, without being told of them.

The trees are fitted to the sample as it is, where cases are common, and their log-odds are then
moved to the population's, by one number. Weighting the rows instead would leave no weight to speak
of in a leaf of cases, so that neither ``min_samples_leaf``, which counts rows, nor the penalty,
which counts curvature, restrains it: on simulated samples such trees predicted twice as many
memorized sequences as there were.

For the true odds of the sample the number is known: the difference of the classes' log mean
weights, since a row's chance to be sampled depends on its class alone (prior correction: King &
Zeng 2001, "Logistic regression in rare events data", section 4.1). The odds of shrunken trees, on
rows that they were not fitted to, are others: moved by as much, they expected too few memorized
sequences of the default study at every tier, where only the text is known by nearly half. So the
number is estimated, such that out of fold the probabilities add up to the memorized. It makes their
sum right, not their spread: on the default study the Brier score got up to 6 % worse by it, the log
loss better for the text and else the same.

The settings are fixed, not searched: there are several of them, and with a few hundred cases a
search would mostly fit noise. They are on the careful side of the defaults.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.special import expit, logit
from sklearn.ensemble import HistGradientBoostingClassifier

from memorization.whether.models.fitted import Fitted, unit_weight

SETTINGS = {
    "max_iter": 100,
    "learning_rate": 0.05,
    "max_leaf_nodes": 8,
    "min_samples_leaf": 20,
    "l2_regularization": 1.0,
    # Quantiles of the sample. The time for a few thousand rows is proportional to it.
    "max_bins": 32,
    "early_stopping": False,
}

# Up to so many rows, each fold is predicted by trees fitted to all others. Of more, folds go
# together in two halves: a half is then enough to learn from, and two fits to a half take about as
# long as one or two to all (measured with 60,000 rows), where five to four fifths take as four.
LARGEST = 5_000


def fit(
    features: pd.DataFrame, truth: np.ndarray, weight: np.ndarray, fold: np.ndarray, seed: int
) -> Fitted:
    """Return gradient-boosted trees whose probabilities are the population's; see `fitted.Fit`.

    Between the classes the weights move the odds; within them, if they vary, they weight rows. The
    seed draws the rows from which bins are made, beyond 200,000 rows.
    """
    trees = _grow(features, truth, weight, seed)
    return Fitted(trees, population_shift(features, truth, weight, fold, seed))


def population_shift(
    features: pd.DataFrame, truth: np.ndarray, weight: np.ndarray, fold: np.ndarray, seed: int
) -> float:
    """Return what to add to the log-odds of trees, to get from the sample to the population.

    With it, the probabilities of the rows under trees that were fitted without their fold add up,
    weighted, to the memorized. Folds are left out every second one together: in two halves, whose
    fits take no longer than the one to all rows. Where no rows can be left out, because the others
    are of one class or there are none, it is the prior correction.

    Parameters
    ----------
    features : DataFrame [n]
    truth : bool [n]
    weight : float [n]
    fold : int [n]
    seed : int
    """
    log_odds = np.full(len(truth), np.nan)
    half = np.unique(fold, return_inverse=True)[1] % 2
    for test in np.unique(half):
        train = half != test
        if truth[train].any() and not truth[train].all():
            trees = _grow(features[train], truth[train], weight[train], seed)
            log_odds[~train] = trees.decision_function(features[~train])
    scored = ~np.isnan(log_odds)
    log_odds, truth_scored, weight_scored = log_odds[scored], truth[scored], weight[scored]
    if not truth_scored.any() or truth_scored.all():
        return float(np.log(np.mean(weight[truth])) - np.log(np.mean(weight[~truth])))
    rate = np.average(truth_scored, weights=weight_scored)

    def excess(shift: float) -> float:
        return float(np.average(expit(log_odds + shift), weights=weight_scored) - rate)

    # The shifts by which every row's probability, and no row's, is above the rate; rounding may
    # leave nothing between the two.
    low, high = logit(rate) - log_odds.max() - 1e-6, logit(rate) - log_odds.min() + 1e-6
    return float(brentq(excess, low, high))


def _grow(
    features: pd.DataFrame, truth: np.ndarray, weight: np.ndarray, seed: int
) -> HistGradientBoostingClassifier:
    """Return trees fitted to the sample, whose classes are as common as they are in it."""
    within = np.empty(len(truth))
    within[truth], within[~truth] = unit_weight(weight[truth]), unit_weight(weight[~truth])
    # scikit-learn finds no bins in a column without a known value; a constant one is never split.
    unknown = features.columns[features.isna().all()]
    features = features.assign(**dict.fromkeys(unknown, 0.0))
    trees = HistGradientBoostingClassifier(random_state=seed, **SETTINGS)
    # Weights that are all one change nothing, but make the search for bins ten times slower.
    return trees.fit(features, truth, sample_weight=None if np.allclose(within, 1) else within)
