"""A random survival forest, grown by scikit-survival.

It is valid for the first onset alone, of sequences that are looked at from the start and whose
covariates do not change.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
from sksurv.ensemble import RandomSurvivalForest
from sksurv.util import Surv

from memorization.intensities.forward import Forecast
from memorization.intensities.groups import Groups
from memorization.study import Study
from memorization.when.models.model import SurvivalModel, absorbing
from memorization.when.models.trees import Trees, read_arrays, write_arrays

N_TREES = 50
LEAF = 20

# Rows that a tree draws at most.
LARGEST_DRAW = 10_000_000


@dataclass(frozen=True)
class Forest(SurvivalModel):
    """Trees split by the log-rank statistic; survival is the mean of the leaves' (Ishwaran 2008).

    Attributes
    ----------
    groups : the map from features to groups of values.
    trees : on the groups.
    curves : float32 [N, c], survival in each node.
    """

    groups: Groups
    trees: Trees
    curves: np.ndarray
    # Three seconds a fit with 60 features; for 48,000 rows it would be half a minute.
    largest: ClassVar[int | None] = 5_000
    takes_late_entry: ClassVar[bool] = False
    suffix: ClassVar[str] = ".safetensors"

    @classmethod
    def train(cls, rows: Study, rng: np.random.Generator) -> Self:
        """Return the forest grown from draws of the population that the rows stand for.

        A tree draws rows with probability proportional to their weight, so many that the row of
        least weight is expected once: drawing only n rows would hardly ever draw a memorized one.
        """
        groups = Groups.fit(rows.features)
        forest = RandomSurvivalForest(
            N_TREES,
            min_samples_leaf=LEAF,
            max_features="sqrt",
            max_samples=int(min(rows.weight.sum() / rows.weight.min(), LARGEST_DRAW)),
            random_state=int(rng.integers(2**31)),
            n_jobs=1,
        )
        outcome = Surv.from_arrays(rows.times.event, rows.times.time)
        forest.fit(groups.transform(rows.features), outcome, sample_weight=rows.weight)
        grid = np.searchsorted(
            forest.unique_times_, np.arange(rows.times.n_times) + 1, side="right"
        )
        trees, curves = zip(*(_grown(e.tree_, grid) for e in forest.estimators_), strict=True)
        return cls(groups, Trees.join(trees), np.concatenate(curves))

    def forecast(self, study: Study) -> Forecast:
        """Return the mean of the survival in the leaves."""
        x = self.groups.transform(study.features)
        total = np.zeros((len(x), self.curves.shape[1]))
        for tree in range(len(self.trees.root)):
            total += self.curves[self.trees.leaves(x, tree)]
        return absorbing(total / len(self.trees.root))

    def save(self, path: Path) -> None:
        """Write trees and curves as safetensors."""
        arrays = {**self.trees.arrays(), "edges": self.groups.edges, "curves": self.curves}
        write_arrays(arrays, {"columns": self.groups.columns}, path)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Return the model in a file."""
        arrays, facts = read_arrays(path)
        edges, curves = arrays.pop("edges"), arrays.pop("curves")
        return cls(Groups(tuple(facts["columns"]), edges), Trees(**arrays), curves)


def _grown(tree: object, grid: np.ndarray) -> tuple[Trees, np.ndarray]:
    """Return a scikit-survival tree, and its survival curves on the grid, float32 [N, c]."""
    left = tree.children_left  # type: ignore[attr-defined]
    nodes = Trees.grown(
        tree.feature,  # type: ignore[attr-defined]
        tree.threshold,  # type: ignore[attr-defined]
        tree.missing_go_to_left,  # type: ignore[attr-defined]
        left,
        tree.children_right,  # type: ignore[attr-defined]
        left < 0,
    )
    # A tree's value is [N, times, (cumulative hazard, survival)]; before the first time it is 1.
    survival = tree.value[:, :, 1]  # type: ignore[attr-defined]
    padded = np.hstack([np.ones((len(survival), 1)), survival])
    return nodes, padded[:, grid].astype(np.float32)
