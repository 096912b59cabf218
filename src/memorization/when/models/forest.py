"""A random survival forest, grown by scikit-survival.

It is valid for the first onset alone, of sequences that are looked at from the start and whose
covariates do not change. Its trees are kept as plain arrays, which are deterministic to evaluate
and to store: files of the library's own objects differ from run to run.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save
from sksurv.ensemble import RandomSurvivalForest
from sksurv.util import Surv

from memorization.files import replacing
from memorization.intensities.covariates import Groups
from memorization.intensities.forward import Forecast
from memorization.study import Study
from memorization.when.models.model import SurvivalModel

N_TREES = 50
LEAF = 20

# Rows that a tree draws at most.
LARGEST_DRAW = 10_000_000


@dataclass(frozen=True)
class Trees:
    """The nodes of all trees, one after the other, N in total.

    Attributes
    ----------
    root : int32 [t], position of each tree's root.
    feature : int32 [N], column that a node splits on; -1 in a leaf.
    threshold : float64 [N]; a row goes left when its value is at most this.
    missing_left : bool [N], whether a row goes left when its value is missing.
    left, right : int32 [N], positions of the children; a leaf is its own child.
    """

    root: np.ndarray
    feature: np.ndarray
    threshold: np.ndarray
    missing_left: np.ndarray
    left: np.ndarray
    right: np.ndarray

    @classmethod
    def of(cls, grown: Sequence[Any]) -> Trees:
        """Return scikit-learn's trees, whose nodes begin with the root, as one."""
        sizes = np.array([tree.node_count for tree in grown])
        root = np.cumsum(sizes) - sizes
        shift = np.repeat(root, sizes)

        def joined(name: str) -> np.ndarray:
            return np.concatenate([getattr(tree, name) for tree in grown])

        left, right = joined("children_left"), joined("children_right")
        leaf, own = left < 0, np.arange(sizes.sum())
        return cls(
            root.astype(np.int32),
            np.where(leaf, -1, joined("feature")).astype(np.int32),
            np.where(leaf, 0.0, joined("threshold")).astype(np.float64),
            joined("missing_go_to_left").astype(bool),
            np.where(leaf, own, left + shift).astype(np.int32),
            np.where(leaf, own, right + shift).astype(np.int32),
        )

    def leaves(self, x: np.ndarray, tree: int) -> np.ndarray:
        """Return the leaf that each row of x [n, p] falls into, int [n], in one tree."""
        node = np.full(len(x), self.root[tree], dtype=np.int32)
        rows = np.arange(len(x))
        while len(rows):
            at = node[rows]
            value = x[rows, self.feature[at]]
            to_left = np.where(np.isnan(value), self.missing_left[at], value <= self.threshold[at])
            node[rows] = np.where(to_left, self.left[at], self.right[at])
            rows = rows[self.feature[node[rows]] >= 0]
        return node


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
        grown = [estimator.tree_ for estimator in forest.estimators_]
        # A node's value is [times, (cumulative hazard, survival)]; before the first time it is 1.
        survival = np.concatenate([tree.value[:, :, 1] for tree in grown])
        padded = np.hstack([np.ones((len(survival), 1)), survival])
        return cls(groups, Trees.of(grown), padded[:, grid].astype(np.float32))

    def forecast(self, study: Study) -> Forecast:
        """Return the mean of the survival in the leaves."""
        x = self.groups.transform(study.features)
        total = np.zeros((len(x), self.curves.shape[1]))
        for tree in range(len(self.trees.root)):
            total += self.curves[self.trees.leaves(x, tree)]
        return Forecast.of(total / len(self.trees.root))

    def save(self, path: Path) -> None:
        """Write trees and curves as safetensors."""
        trees = {field.name: getattr(self.trees, field.name) for field in fields(self.trees)}
        arrays = {**trees, "edges": self.groups.edges, "curves": self.curves}
        facts = json.dumps({"columns": self.groups.columns})
        # Not save_file, whose files only their owner may read.
        content = save(
            {name: np.ascontiguousarray(array) for name, array in arrays.items()},
            metadata={"facts": facts},
        )
        with replacing(path) as partial:
            partial.write_bytes(content)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Return the model in a file."""
        with safe_open(path, framework="numpy") as file:
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            facts = json.loads(file.metadata()["facts"])
        edges, curves = arrays.pop("edges"), arrays.pop("curves")
        return cls(Groups(tuple(facts["columns"]), edges), Trees(**arrays), curves)
