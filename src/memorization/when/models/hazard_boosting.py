"""The hazard relative to everybody's, as gradient-boosted trees on features and time."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingRegressor

from memorization.study import Study
from memorization.when.kaplan_meier import kaplan_meier
from memorization.when.models.model import SurvivalModel
from memorization.when.models.trees import Groups, Trees, read_arrays, write_arrays
from memorization.when.person_period import event_bins, exposure

# Bins of checkpoints in which the relative hazard is constant; the baseline is not binned.
N_BINS = 8

N_TREES = 100
LEARNING_RATE = 0.05
N_LEAVES = 4
# Rows of the table, of which a sequence has up to N_BINS.
LEAF = 20 * N_BINS
# In units of expected events, where the rows' weights have mean 1.
PENALTY = 1.0


@dataclass(frozen=True)
class HazardBoosting(SurvivalModel):
    """Cumulative hazard = sum over bins of baseline in the bin × exp(trees on features and bin).

    The piecewise exponential model (Friedman 1982): a sequence's events in a bin are Poisson with
    mean exposure × relative hazard, where the exposure is the marginal cumulative hazard of the
    checkpoints at which it was at risk. Boosting starts at the Kaplan-Meier curve and only learns
    who departs from it, and when: with time as a feature, effects may change over training, which
    proportional hazards forbid. (A classifier of the person-period table starts at a constant
    hazard, and spends its trees on the shape of the baseline.)

    Attributes
    ----------
    groups : the map from features to groups of values.
    trees : on the groups and, as the last column, the bin.
    values : float64 [N], log relative hazard that each node adds.
    start : log relative hazard before the first tree.
    baseline : float [c], increments of the marginal cumulative hazard.
    bins : int [c], bin of each checkpoint.
    """

    groups: Groups
    trees: Trees
    values: np.ndarray
    start: float
    baseline: np.ndarray
    bins: np.ndarray
    # Three seconds a fit with 60 features. What is left out are sequences without the event.
    largest: ClassVar[int | None] = 20_000
    suffix: ClassVar[str] = ".safetensors"

    @classmethod
    def train(cls, rows: Study, seed: int) -> Self:
        """Return the boosted trees.

        Without early stopping, which would set rows aside at random, not by sequence. Threads are
        those that OpenMP is allowed.
        """
        targets, weight = rows.times, rows.weight
        groups = Groups.fit(rows.features)
        x = groups.transform(rows.features)
        # scikit-learn finds no bins in a column without a known value; a constant one is not split.
        x[:, np.isnan(x).all(axis=0)] = 0.0
        bins = event_bins(targets, N_BINS)
        # A curve that reaches 0 has an infinite hazard at the end.
        curve = np.maximum(kaplan_meier(targets, weight), np.finfo(float).eps)
        baseline = -np.diff(np.log(curve), prepend=0.0)
        exposed = exposure(targets, bins, baseline)
        row, bin_ = np.nonzero(exposed)
        happened = targets.event[row] & (bins[targets.time[row] - 1] == bin_)
        model = HistGradientBoostingRegressor(
            loss="poisson",
            learning_rate=LEARNING_RATE,
            max_iter=N_TREES,
            max_leaf_nodes=N_LEAVES,
            min_samples_leaf=LEAF,
            l2_regularization=PENALTY,
            early_stopping=False,
            random_state=seed,
        )
        # Events per exposure, weighted by exposure: the same likelihood as an offset.
        expected = exposed[row, bin_]
        model.fit(
            np.column_stack([x[row], bin_]),
            happened / expected,
            sample_weight=expected * weight[row] / weight.mean(),
        )
        trees, values = _grown(model)
        start = float(model._baseline_prediction.item())
        return cls(groups, trees, values, start, baseline, bins)

    def survival(self, features: pd.DataFrame) -> np.ndarray:
        """Return exp(-cumulative hazard), float [n, c]."""
        x = self.groups.transform(features)
        n_bins = self.bins[-1] + 1
        rows = np.column_stack([np.repeat(x, n_bins, axis=0), np.tile(np.arange(n_bins), len(x))])
        logs = np.full(len(rows), self.start)
        for tree in range(len(self.trees.root)):
            logs += self.values[self.trees.leaves(rows, tree)]
        relative = np.exp(logs).reshape(len(x), n_bins)
        return np.exp(-np.cumsum(self.baseline * relative[:, self.bins], axis=1))

    def save(self, path: Path) -> None:
        """Write trees, baseline and bins as safetensors."""
        arrays = {
            **self.trees.arrays(),
            "edges": self.groups.edges,
            "values": self.values,
            "baseline": self.baseline,
            "bins": self.bins,
        }
        write_arrays(arrays, {"columns": self.groups.columns, "start": self.start}, path)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Return the model in a file."""
        arrays, facts = read_arrays(path)
        names = ("edges", "values", "baseline", "bins")
        edges, values, baseline, bins = (arrays.pop(name) for name in names)
        groups = Groups(tuple(facts["columns"]), edges)
        return cls(groups, Trees(**arrays), values, facts["start"], baseline, bins)


def _grown(model: HistGradientBoostingRegressor) -> tuple[Trees, np.ndarray]:
    """Return scikit-learn's trees, of whose nodes it has no public view, and the nodes' values."""
    nodes = [predictor.nodes for (predictor,) in model._predictors]
    trees = [
        Trees.grown(
            n["feature_idx"],
            n["num_threshold"],
            n["missing_go_to_left"],
            n["left"],
            n["right"],
            n["is_leaf"].astype(bool),
        )
        for n in nodes
    ]
    return Trees.join(trees), np.concatenate([n["value"] for n in nodes])
