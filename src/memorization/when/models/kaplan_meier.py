"""The baselines that know nothing, or only how often a text occurs: Kaplan-Meier curves."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import pandas as pd

from memorization.evaluation.crossfit import Tiers, every
from memorization.files import read_json, write_json
from memorization.strata import CONTINUATIONS, STRATA, finest_count, stratum_of
from memorization.study import Study
from memorization.when.kaplan_meier import kaplan_meier
from memorization.when.models.model import SurvivalModel


@dataclass(frozen=True)
class KaplanMeier(SurvivalModel):
    """One survival curve for everybody, float [c]."""

    curve: np.ndarray
    is_baseline: ClassVar[bool] = True
    takes_left_censoring: ClassVar[bool] = True

    @classmethod
    def columns(cls, tiers: Tiers) -> Tiers:
        """Return no feature, in the lowest tier."""
        return {"text": ()}

    @classmethod
    def train(cls, rows: Study, seed: int) -> Self:
        """Return the marginal estimate."""
        return cls(kaplan_meier(rows.times, rows.weight))

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
    """One survival curve a stratum of a count: that of the continuation, if it is known.

    Attributes
    ----------
    column : the feature that holds the count.
    curves : float [strata, c].
    """

    column: str
    curves: np.ndarray
    is_baseline: ClassVar[bool] = True
    requires: ClassVar[str | None] = CONTINUATIONS
    takes_left_censoring: ClassVar[bool] = True

    @classmethod
    def columns(cls, tiers: Tiers) -> Tiers:
        """Return the finest count that is known."""
        column = finest_count(every(tiers))
        return {} if column is None else {"corpus": (column,)}

    @classmethod
    def train(cls, rows: Study, seed: int) -> Self:
        """Return the stratified estimate; a stratum without rows gets the marginal one.

        Raises
        ------
        UserError
            If a count is not known.
        """
        (column,) = rows.features.columns
        stratum = stratum_of(rows.features[column].to_numpy())
        curves = np.tile(kaplan_meier(rows.times, rows.weight), (len(STRATA), 1))
        for k in np.unique(stratum):
            part = rows.take(stratum == k)
            curves[k] = kaplan_meier(part.times, part.weight)
        return cls(column, curves)

    def survival(self, features: pd.DataFrame) -> np.ndarray:
        """Return the curve of each row's stratum, float [n, c]."""
        return self.curves[stratum_of(features[self.column].to_numpy())]

    def save(self, path: Path) -> None:
        """Write the column and the curves, stratum -> curve, as JSON."""
        curves = dict(zip(STRATA, self.curves.tolist(), strict=True))
        write_json({"column": self.column, "survival": curves}, path)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Return the model in a file."""
        values = read_json(path)
        curves = [values["survival"][stratum] for stratum in STRATA]
        return cls(values["column"], np.array(curves))
