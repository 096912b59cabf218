"""Which features say the same: rank correlations over the population."""

from __future__ import annotations

import numpy as np
import pandas as pd

# Beyond this rank correlation, of either sign, one feature can replace another.
SAME = 0.8


def weighted_ranks(values: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Return the mean rank that each row's copies would have among all, float64 [n], from 0.5.

    A row of weight w stands for w rows of the population; equal values share their mean rank.

    >>> weighted_ranks(np.array([30.0, 10.0, 30.0]), np.array([1.0, 4.0, 2.0]))
    array([5.5, 2. , 5.5])

    Parameters
    ----------
    values : float [n]
    weight : float [n]
    """
    level, own = np.unique(values, return_inverse=True)
    mass = np.bincount(own, weights=weight, minlength=len(level))
    return (np.cumsum(mass) - mass / 2)[own]


def spearman(features: pd.DataFrame, weight: np.ndarray) -> np.ndarray:
    """Return Spearman's rank correlation of every two features over the population, float64 [f, f].

    The correlation of `weighted_ranks`, weighted: that of the table in which each row is repeated
    as often as its weight says. NaN with a feature that is constant. A missing value takes part as
    the largest: whether it is missing is information too.

    Parameters
    ----------
    features : DataFrame [n], f float columns.
    weight : float [n]
    """
    share = weight / weight.sum()
    columns = []
    for name in features:
        values = features[name].to_numpy(dtype=np.float64)
        ranks = weighted_ranks(np.where(np.isnan(values), np.inf, values), share)
        columns.append((ranks - share @ ranks) * np.sqrt(share))
    centred = np.array(columns).reshape(len(columns), len(weight))
    size = np.sqrt((centred**2).sum(axis=1))
    # What is left of a constant column is the rounding of its mean.
    size[size < 1e-9] = np.nan
    unit = centred / size[:, None]
    return np.clip(unit @ unit.T, -1, 1)


def correlation_table(features: pd.DataFrame, weight: np.ndarray) -> pd.DataFrame:
    """Return `spearman` as a table, as `memorization.tables.CORRELATION`: each pair once.

    Columns: feature, other (one that comes later), spearman; missing where one is constant.
    """
    names = np.array([str(name) for name in features], dtype=object)
    first, second = np.triu_indices(len(names), k=1)
    matrix = spearman(features, weight)
    return pd.DataFrame(
        {
            "feature": names[first],
            "other": names[second],
            "spearman": matrix[first, second],
        }
    )


def matrix_of(table: pd.DataFrame, names: list[str]) -> np.ndarray:
    """Return the correlations of some features from their table, float64 [f, f], in this order."""
    place = {name: k for k, name in enumerate(names)}
    both = table[table["feature"].isin(place) & table["other"].isin(place)]
    first, second = both["feature"].map(place).to_numpy(), both["other"].map(place).to_numpy()
    matrix = np.eye(len(names))
    matrix[first, second] = matrix[second, first] = both["spearman"].to_numpy()
    return matrix
