"""The Kaplan-Meier estimate: the baselines that know nothing, or only how often a text repeats."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import pandas as pd

from memorization.when.models.files import read_json, write_json
from memorization.when.models.model import SurvivalModel
from memorization.when.targets import Targets

DUPLICATES = "duplication.sequence_count"

# How often the 64 tokens occur in the training data: lower bounds of the strata.
STRATA = {"1": 1, "2–4": 2, "5–19": 5, "20–99": 20, "≥100": 100}


def kaplan_meier(targets: Targets, weight: np.ndarray) -> np.ndarray:
    """Return the weighted Kaplan-Meier survival at each checkpoint, float [..., c].

    The product over checkpoints of 1 - events / at risk (Kaplan & Meier 1958), both weighted; at
    risk are the sequences under observation before it. Where nobody is at risk it stays as it is.

    Parameters
    ----------
    weight : float [..., n]; leading axes, if any, are those of the result.

    >>> targets = Targets(np.array([1, 2, 3]), np.array([1, 1, 0], bool), np.zeros(3, int), 3)
    >>> kaplan_meier(targets, np.array([1.0, 1.0, 2.0])).round(6).tolist()
    [0.75, 0.5, 0.5]
    """
    positions = np.arange(1, targets.n_times + 1)
    ends = (targets.time[:, None] == positions).astype(np.float64)
    enters = (targets.entry[:, None] == positions - 1).astype(np.float64)
    events = weight @ (ends * targets.event[:, None])
    left = np.cumsum(weight @ ends, axis=-1) - weight @ ends
    at_risk = np.cumsum(weight @ enters, axis=-1) - left
    # The difference of two sums over the same rows may round to just above zero.
    total = np.asarray(weight, dtype=np.float64).sum(axis=-1)[..., None]
    hazard = np.divide(events, at_risk, out=np.zeros_like(events), where=at_risk > 1e-9 * total)
    return np.cumprod(1 - np.clip(hazard, 0, 1), axis=-1)


def duplicate_stratum(features: pd.DataFrame) -> np.ndarray:
    """Return the stratum of duplicate count of each row, int [n], a position in `STRATA`."""
    lower = np.array(list(STRATA.values()))
    position = np.searchsorted(lower, features[DUPLICATES].to_numpy(), side="right") - 1
    return np.clip(position, 0, len(lower) - 1)


@dataclass(frozen=True)
class KaplanMeier(SurvivalModel):
    """One survival curve for everybody, float [c]."""

    curve: np.ndarray
    tiers: ClassVar[tuple[str, ...]] = ("text",)
    featureless: ClassVar[bool] = True

    @classmethod
    def fit(
        cls, features: pd.DataFrame, targets: Targets, weight: np.ndarray, seed: int, threads: int
    ) -> Self:
        """Return the marginal estimate."""
        return cls(kaplan_meier(targets, weight))

    def survival(self, features: pd.DataFrame) -> np.ndarray:
        """Return the same curve for each row, float [n, c]."""
        return np.tile(self.curve, (len(features), 1))

    def save(self, path: Path) -> None:
        """Write the curve as JSON."""
        write_json({"survival": self.curve.tolist()}, path)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Return the model in a file."""
        return cls(np.array(read_json(path)["survival"]))


@dataclass(frozen=True)
class KaplanMeierStrata(SurvivalModel):
    """One survival curve a stratum of duplicate count, float [strata, c]."""

    curves: np.ndarray
    tiers: ClassVar[tuple[str, ...]] = ("corpus",)
    requires: ClassVar[tuple[str, ...]] = (DUPLICATES,)

    @classmethod
    def fit(
        cls, features: pd.DataFrame, targets: Targets, weight: np.ndarray, seed: int, threads: int
    ) -> Self:
        """Return the stratified estimate; a stratum without rows gets the marginal one."""
        stratum = duplicate_stratum(features)
        curves = np.tile(kaplan_meier(targets, weight), (len(STRATA), 1))
        for k in np.unique(stratum):
            rows = stratum == k
            curves[k] = kaplan_meier(targets.take(rows), weight[rows])
        return cls(curves)

    def survival(self, features: pd.DataFrame) -> np.ndarray:
        """Return the curve of each row's stratum, float [n, c]."""
        return self.curves[duplicate_stratum(features)]

    def save(self, path: Path) -> None:
        """Write the curves as JSON, stratum -> curve."""
        write_json(dict(zip(STRATA, self.curves.tolist(), strict=True)), path)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Return the model in a file."""
        values = read_json(path)
        return cls(np.array([values[stratum] for stratum in STRATA]))
