"""Grown decision trees as plain arrays.

They are deterministic to evaluate and to store. The libraries' own objects could be stored only
with types and memory addresses in the file, whose bytes then differ from run to run.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save

from memorization.files import replacing


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
