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
from dataclasses import replace

import numpy as np
import pandas as pd

from memorization.evaluation.bootstrap import Bootstrap, Replicated
from memorization.evaluation.crossfit import Model, thinned
from memorization.evaluation.metrics.ranking import average_precision
from memorization.study import Study
from memorization.whether.models.classifier import FeatureModel

# Rows that are permuted and scored at most, the memorized first; models are fitted to all. Each
# model makes hundreds of predictions of them.
LARGEST = 4_000

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
    fitted: Mapping[int, Model],
    study: Study,
    bootstrap: Bootstrap,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Return the loss of average precision for each family and feature, the largest first.

    Parameters
    ----------
    fitted : dict, fold -> the model fitted without it, to the features of the study.
    rng : draws whose values a row gets.

    Returns
    -------
    DataFrame
        ``feature`` (a family's name, or family.name), ``importance``, and ``low``, ``high``: its
        cluster bootstrap interval.
    """
    groups = groups_of(list(study.features.columns))
    places, weight = thinned(study.truth, study.weight, LARGEST, rng)
    rows, bootstrap = replace(study.take(places), weight=weight), bootstrap.take(places)
    probability = _permuted(fitted, rows, list(groups.values()), rng)

    def scored(probability: np.ndarray) -> Replicated:
        return bootstrap.replicated(average_precision, rows.truth, probability, weight)

    whole = scored(probability[0])
    found = []
    for name, left in zip(groups, probability[1:], strict=True):
        lost = (whole - scored(left)).estimate(bootstrap.level)
        found.append(
            {"feature": name, "importance": lost["value"], "low": lost["low"], "high": lost["high"]}
        )
    table = pd.DataFrame(found, columns=["feature", "importance", "low", "high"])
    return table.sort_values("importance", ascending=False, kind="stable", ignore_index=True)


def _permuted(
    fitted: Mapping[int, Model], study: Study, groups: list[list[str]], rng: np.random.Generator
) -> np.ndarray:
    """Return out-of-fold probabilities [1 + groups, n]: of all rows as they are, then with each
    group of columns taken from other rows."""
    features, weight, fold = study.features, study.weight, study.fold
    probability = np.empty((1 + len(groups), len(weight)))
    values, columns = features.to_numpy(dtype=np.float64), list(features.columns)
    places = [[columns.index(column) for column in group] for group in [[], *groups]]
    for test, model in fitted.items():
        rows = np.flatnonzero(fold == test)
        chance = weight[rows] / weight[rows].sum()
        donors = rng.choice(rows, size=len(rows), p=chance)
        own, other = values[rows], values[donors]
        # Many groups in one prediction, whose fixed cost would else outweigh that of the rows.
        together = max(1, AT_ONCE // len(own))
        for first in range(0, len(places), together):
            part = places[first : first + together]
            changed = np.tile(own, (len(part), 1, 1))
            for k, place in enumerate(part):
                changed[k][:, place] = other[:, place]
            table = pd.DataFrame(changed.reshape(-1, len(columns)), columns=columns)
            assert isinstance(model, FeatureModel)
            predicted = model.probability(table).reshape(len(part), len(rows))
            probability[first : first + together][:, rows] = predicted
    return probability
