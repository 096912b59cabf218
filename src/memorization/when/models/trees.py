"""Grown decision trees as plain arrays, and the groups of values between which they split.

Both are deterministic to evaluate and to store. The libraries' own objects could be stored only
with types and memory addresses in the file, whose bytes then differ from run to run.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from safetensors import safe_open
from safetensors.numpy import save

from memorization.files import replacing

# Among 32 groups of a feature's values a log-rank split is found in a twentieth of the time that it
# takes among all values; a boosted tree, whose binning is slow with weights, is grown in a fifth.
N_GROUPS = 32


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
    def join(cls, trees: Sequence[Trees]) -> Trees:
        """Return several forests as one."""
        sizes = np.array([len(tree.feature) for tree in trees])
        shifts = np.cumsum(sizes) - sizes
        shifted = {
            name: np.concatenate(
                [getattr(tree, name) + shift for tree, shift in zip(trees, shifts, strict=True)]
            ).astype(np.int32)
            for name in ("root", "left", "right")
        }
        same = {
            name: np.concatenate([getattr(tree, name) for tree in trees])
            for name in ("feature", "threshold", "missing_left")
        }
        return cls(**shifted, **same)

    @classmethod
    def grown(
        cls,
        feature: np.ndarray,
        threshold: np.ndarray,
        missing_left: np.ndarray,
        left: np.ndarray,
        right: np.ndarray,
        leaf: np.ndarray,
    ) -> Trees:
        """Return one tree, root first, from a library's node arrays [N] and which are leaves."""
        own = np.arange(len(leaf))
        return cls(
            np.zeros(1, np.int32),
            np.where(leaf, -1, feature).astype(np.int32),
            np.where(leaf, 0.0, threshold).astype(np.float64),
            missing_left.astype(bool),
            np.where(leaf, own, left).astype(np.int32),
            np.where(leaf, own, right).astype(np.int32),
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

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the arrays by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


def write_arrays(arrays: dict[str, np.ndarray], facts: dict[str, Any], path: Path) -> None:
    """Write named arrays, and facts as JSON in the file's header."""
    contiguous = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    # Not save_file, whose files only their owner may read.
    content = save(contiguous, metadata={"facts": json.dumps(facts, sort_keys=True)})
    with replacing(path) as partial:
        partial.write_bytes(content)


def read_arrays(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Return what `write_arrays` wrote."""
    with safe_open(path, framework="numpy") as file:
        arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        return arrays, json.loads(file.metadata()["facts"])
