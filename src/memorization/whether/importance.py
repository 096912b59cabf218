"""Permutation importance: how much average precision is lost when a feature says nothing.

Out of fold: a model never ranks rows that it was fitted to, so a feature that only helps to learn
the training rows by heart counts for nothing (Breiman 2001, section 10, on held-out rows). Instead
of a permutation of the sample, in which cases are thirty times too common, a row gets the value of
another row of its fold drawn in proportion to weight: a draw from the population. A family's
columns are taken from the same row together; correlated columns of one family cover up for each
other when they are taken one by one, so a family can weigh more than all of its features.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from memorization.evaluation.bootstrap import interval, replicate
from memorization.evaluation.metrics.ranking import average_precision
from memorization.evaluation.thinning import thinned
from memorization.whether.models.fitted import Predictor

# Draws of the donors; their mean is reported.
REPEATS = 3

# Rows that are permuted and scored at most, the memorized first; models are fitted to all. Each
# model makes hundreds of predictions of them.
LARGEST = 20_000

# Rows of a prediction, about: as many permuted copies of the sample as that allows go together.
AT_ONCE = 20_000


def groups_of(columns: Sequence[str]) -> dict[str, list[str]]:
    """Return what is permuted together: each family, then each feature of a larger family.

    >>> groups_of(["a.x", "a.y", "b.z"])
    {'a': ['a.x', 'a.y'], 'b': ['b.z'], 'a.x': ['a.x'], 'a.y': ['a.y'], 'b.z': ['b.z']}
    """
    families: dict[str, list[str]] = {}
    for column in columns:
        families.setdefault(column.partition(".")[0], []).append(column)
    return families | {column: [column] for column in columns}


def permutation_importance(
    fitted: Mapping[int, Predictor],
    features: pd.DataFrame,
    truth: np.ndarray,
    weight: np.ndarray,
    fold: np.ndarray,
    multiplicities: np.ndarray,
    level: float,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Return the loss of average precision for each family and feature, the largest first.

    Parameters
    ----------
    fitted : dict, fold -> the model fitted without it
    features : DataFrame [n], columns named family.name
    truth : bool [n]
    weight : float [n]
    fold : int [n]
    multiplicities : int [replicates, n]
    level : float
    rng : numpy.random.Generator
        Draws whose values a row gets.

    Returns
    -------
    DataFrame
        ``feature`` (a family's name, or family.name), ``importance``, the mean over repeats, and
        ``low``, ``high``: its cluster bootstrap interval.
    """
    groups = groups_of(list(features.columns))
    rows, thin = thinned(truth, weight, LARGEST, rng)
    probability = _permuted(
        fitted, features.iloc[rows], thin, fold[rows], list(groups.values()), rng
    )
    truth, weight, multiplicities = truth[rows], thin, multiplicities[:, rows]
    whole, permuted = probability[0, 0], probability[1:]
    value = average_precision(truth, whole, weight)
    replicates = replicate(average_precision, truth, whole, weight, multiplicities)
    found = []
    for name, repeats in zip(groups, permuted, strict=True):
        left = np.mean([average_precision(truth, p, weight) for p in repeats])
        left_replicates = np.mean(
            [replicate(average_precision, truth, p, weight, multiplicities) for p in repeats],
            axis=0,
        )
        low, high = interval(replicates - left_replicates, level)
        found.append({"feature": name, "importance": value - left, "low": low, "high": high})
    table = pd.DataFrame(found, columns=["feature", "importance", "low", "high"])
    return table.sort_values("importance", ascending=False, kind="stable", ignore_index=True)


def _permuted(
    fitted: Mapping[int, Predictor],
    features: pd.DataFrame,
    weight: np.ndarray,
    fold: np.ndarray,
    groups: list[list[str]],
    rng: np.random.Generator,
) -> np.ndarray:
    """Return out-of-fold probabilities [1 + groups, REPEATS, n]: of all rows as they are, then with
    each group of columns taken from other rows."""
    probability = np.empty((1 + len(groups), REPEATS, len(weight)))
    values, columns = features.to_numpy(dtype=np.float64), list(features.columns)
    places = [[columns.index(column) for column in group] for group in [[], *groups]]
    for test, model in fitted.items():
        rows = np.flatnonzero(fold == test)
        chance = weight[rows] / weight[rows].sum()
        donors = rng.choice(rows, size=REPEATS * len(rows), p=chance)
        own, other = np.tile(values[rows], (REPEATS, 1)), values[donors]
        # Many groups in one prediction, whose fixed cost would else outweigh that of the rows.
        together = max(1, AT_ONCE // len(own))
        for first in range(0, len(places), together):
            part = places[first : first + together]
            changed = np.tile(own, (len(part), 1, 1))
            for k, place in enumerate(part):
                changed[k][:, place] = other[:, place]
            table = pd.DataFrame(changed.reshape(-1, len(columns)), columns=columns)
            predicted = model.predict(table).reshape(len(part), REPEATS, len(rows))
            probability[first : first + together][:, :, rows] = predicted
    return probability
