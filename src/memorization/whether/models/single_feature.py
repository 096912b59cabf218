"""The best single feature: what any model of many features must beat.

Which feature that is, and whether a high or a low value speaks for being memorized, is chosen where
the model is fitted, by average precision, and judged on the rows that are held out. The logistic
regression on it alone, of its normal scores or the log of its count, gives probabilities and
leaves the order as it is.
"""

from __future__ import annotations

from typing import ClassVar, Self

import numpy as np

from memorization.evaluation.crossfit import thinned
from memorization.evaluation.metrics.ranking import average_precision
from memorization.randomness import generator
from memorization.study import Study
from memorization.whether.models.logistic import Logistic

# Rows that the choice is made on at most, the memorized first.
LARGEST = 6_000


class SingleFeature(Logistic):
    """The logistic regression on the feature of the highest average precision."""

    is_baseline: ClassVar[bool] = True

    @classmethod
    def train(cls, rows: Study, seed: int) -> Self:
        """Return the regression; the seed thins the rows that the choices are made on."""
        places, weight = thinned(rows.truth, rows.weight, LARGEST, np.random.default_rng(seed))
        values = rows.features.to_numpy()[places]
        best = [max(precisions(column, rows.truth[places], weight)) for column in values.T]
        name = str(rows.features.columns[int(np.argmax(best))])
        fitted = super().train(rows.only([name]), seed)
        return cls(fitted.estimator, chosen=dict(fitted.chosen) | {"feature": name})


def precisions(values: np.ndarray, truth: np.ndarray, weight: np.ndarray) -> tuple[float, float]:
    """Return the average precision of ranking by a feature, and by its opposite.

    Missing values rank last, either way.

    Parameters
    ----------
    values : float [n].
    truth : bool [n].
    weight : float [n].

    >>> precisions(np.array([3.0, 2.0, np.nan]), np.array([True, False, False]), np.ones(3))
    (1.0, 0.5)
    """
    known = ~np.isnan(values)
    high, low = (
        float(average_precision(truth, np.where(known, score, -np.inf), weight))
        for score in (values, -values)
    )
    return high, low


def single_feature_scores(study: Study) -> dict[str, float]:
    """Return the out-of-fold average precision of every feature by itself.

    Only the direction is fitted, by the average precision in the other folds. A row's score is then
    the share of these that it exceeds, which can be compared from fold to fold. Beyond `LARGEST`
    rows, some of the other folds stand for all.
    """
    fold = study.fold
    sides = []
    for test in np.unique(fold):
        train = np.flatnonzero(fold != test)
        rng = generator(study.seed, f"single_features/{test}")
        few, weight = thinned(study.truth[train], study.weight[train], LARGEST, rng)
        sides.append((train[few], weight, fold == test))
    found = {}
    for name in study.features:
        values = study.features[name].to_numpy()
        score = np.empty(len(study))
        for train, weight, test in sides:
            high, low = precisions(values[train], study.truth[train], weight)
            signed = values if high >= low else -values
            signed = np.where(np.isnan(signed), -np.inf, signed)
            order = np.sort(signed[train])
            score[test] = np.searchsorted(order, signed[test]) + np.searchsorted(
                order, signed[test], side="right"
            )
        found[str(name)] = float(average_precision(study.truth, score, study.weight))
    return found
