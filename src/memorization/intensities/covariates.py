"""From features to what models are fitted to: covariates if linear, groups of values for trees."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.linalg import qr

# A column that the others explain up to this share of its standard deviation is dropped.
TOLERANCE = 1e-3

# Among 32 groups of a feature's values a log-rank split is found in a twentieth of the time that it
# takes among all values; a boosted tree, whose binning is slow with weights, is grown in a fifth.
N_GROUPS = 32


@dataclass(frozen=True)
class Covariates:
    """The map from features to covariates, fixed by the rows that it was fitted to.

    Counts (``*_count``) become ``log(1 + count)``: they span orders of magnitude, and each doubling
    is as good a step as the last. A missing value becomes the mean, and a column that has some gets
    a companion, ``… missing``. Columns that are constant or that others explain are dropped.

    Attributes
    ----------
    columns : the features, in the order in which they are read.
    missing : the features that have a companion.
    center, scale : float [p + m], weighted mean and standard deviation before dropping.
    kept : int [k], the columns that remain of the p + m.
    """

    columns: tuple[str, ...]
    missing: tuple[str, ...]
    center: np.ndarray
    scale: np.ndarray
    kept: np.ndarray

    @classmethod
    def fit(cls, features: pd.DataFrame, weight: np.ndarray) -> Covariates:
        """Return the map fitted to n rows, each standing for ``weight`` sequences."""
        columns = tuple(str(name) for name in features.columns)
        missing = tuple(name for name in columns if features[name].isna().any())
        raw = _raw(features, columns, missing)
        known = ~np.isnan(raw)
        w = np.where(known, weight[:, None], 0.0)
        # A column without any known value has no weight; any centre does.
        total = np.maximum(w.sum(axis=0), np.finfo(float).tiny)
        center = (w * np.where(known, raw, 0.0)).sum(axis=0) / total
        filled = np.where(known, raw, center) - center
        scale = np.sqrt((weight[:, None] * filled**2).sum(axis=0) / weight.sum())
        # Rounding leaves a constant column a spread of about one unit in the last place.
        varies = scale > 1e-9 * (1 + np.abs(center))
        scale = np.where(varies, scale, 1.0)
        kept = np.flatnonzero(varies)
        rows = np.sqrt(weight / weight.sum())[:, None]
        kept = kept[_independent(filled[:, kept] / scale[kept] * rows)]
        return cls(columns, missing, center, scale, kept)

    def transform(self, features: pd.DataFrame) -> np.ndarray:
        """Return the covariates, float [n, k], without missing values."""
        raw = _raw(features, self.columns, self.missing)
        filled = np.where(np.isnan(raw), self.center, raw)
        return ((filled - self.center) / self.scale)[:, self.kept]

    @property
    def names(self) -> list[str]:
        """Names of the k covariates."""
        named = [*self.columns, *(f"{name} missing" for name in self.missing)]
        return [named[i] for i in self.kept]


def _raw(features: pd.DataFrame, columns: tuple[str, ...], missing: tuple[str, ...]) -> np.ndarray:
    """Return the features, counts logged, and 0/1 companions of the missing, float [n, p + m]."""
    values = features[list(columns)].to_numpy(dtype=np.float64)
    counts = np.array([name.endswith("_count") for name in columns], dtype=bool)
    values = np.where(counts, np.log1p(np.where(counts, values, 0.0)), values)
    companions = features[list(missing)].isna().to_numpy(dtype=np.float64)
    return np.hstack([values, companions.reshape(len(values), -1)])


def _independent(columns: np.ndarray) -> np.ndarray:
    """Return the positions of linearly independent columns of unit norm, ascending."""
    if not columns.size:
        return np.arange(0)
    r, pivots = qr(columns, mode="r", pivoting=True)[-2:]
    diagonal = np.abs(np.diagonal(r))
    return np.sort(pivots[: len(diagonal)][diagonal > TOLERANCE])


@dataclass(frozen=True)
class Groups:
    """The map from values to groups of about as many rows each, fixed by the rows it was fitted to.

    Attributes
    ----------
    columns : the p features, in the order in which they are read.
    edges : float [p, N_GROUPS - 1], ascending: a group's largest value.
    """

    columns: tuple[str, ...]
    edges: np.ndarray

    @classmethod
    def fit(cls, features: pd.DataFrame) -> Groups:
        """Return the groups of n rows; equal values share one.

        By rows of the sample, not by weight: the sample is rich in the memorized, and so are the
        groups.
        """
        inner = np.arange(1, N_GROUPS) / N_GROUPS
        edges = np.zeros((features.shape[1], len(inner)))
        for position, name in enumerate(features.columns):
            known = features[name].dropna().to_numpy(dtype=np.float64)
            if len(known):
                edges[position] = np.quantile(known, inner, method="lower")
        return cls(tuple(str(name) for name in features.columns), edges)

    def transform(self, features: pd.DataFrame) -> np.ndarray:
        """Return the group of each value, float32 [n, p]; missing values stay missing."""
        groups = np.empty((len(features), len(self.columns)), dtype=np.float32)
        for position, name in enumerate(self.columns):
            values = features[name].to_numpy(dtype=np.float64)
            groups[:, position] = np.searchsorted(self.edges[position], values)
            groups[np.isnan(values), position] = np.nan
        return groups
