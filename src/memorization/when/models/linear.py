"""What models that are linear in the covariates have in common: their numbers and their file."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd

from memorization.when.covariates import Covariates
from memorization.when.models.files import read_json, write_json
from memorization.when.models.model import SurvivalModel


@dataclass(frozen=True)
class LinearModel(SurvivalModel):
    """Covariates, coefficients and, in a subclass, arrays that describe the baseline.

    Attributes
    ----------
    covariates : the map from features to k covariates.
    coefficients : float [k], of each covariate in units of its weighted standard deviation.
    """

    covariates: Covariates
    coefficients: np.ndarray

    def linear(self, features: pd.DataFrame) -> np.ndarray:
        """Return the linear predictor, float [n]."""
        return self.covariates.transform(features) @ self.coefficients

    def save(self, path: Path) -> None:
        """Write coefficients by name, the other arrays and the covariates as JSON."""
        named = zip(self.covariates.names, self.coefficients.tolist(), strict=True)
        others = {name: getattr(self, name).tolist() for name in self._others()}
        write_json(
            {"coefficients": dict(named), **others, "covariates": self.covariates.to_json()}, path
        )

    @classmethod
    def load(cls, path: Path) -> Self:
        """Return the model in a file."""
        values = read_json(path)
        return cls(
            Covariates.from_json(values["covariates"]),
            np.array(list(values["coefficients"].values()), dtype=np.float64),
            *(np.array(values[name]) for name in cls._others()),
        )

    @classmethod
    def _others(cls) -> list[str]:
        return [field.name for field in fields(cls)[2:]]
