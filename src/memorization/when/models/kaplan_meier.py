"""The baselines that know nothing, or only how often a text occurs: observed shares."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

import numpy as np

from memorization.evaluation.crossfit import Tiers
from memorization.evaluation.metrics.sums import ratio
from memorization.files import read_json, write_json
from memorization.intensities.forward import Forecast
from memorization.strata import STRATA, stratum_of
from memorization.study import Study
from memorization.when.kaplan_meier import kaplan_meier
from memorization.when.models.model import CountRule, SurvivalModel


@dataclass(frozen=True)
class KaplanMeier(SurvivalModel):
    """One curve for everybody, of survival and of the share that is memorized, float [c] each."""

    survival: np.ndarray
    memorized: np.ndarray
    is_baseline: ClassVar[bool] = True

    @classmethod
    def columns(cls, tiers: Tiers) -> Tiers:
        """Return no feature, in the lowest tier."""
        return {"text": ()}

    @classmethod
    def train(cls, rows: Study, rng: np.random.Generator) -> Self:
        """Return the marginal estimate."""
        return cls(kaplan_meier(rows.times, rows.weight), share_memorized(rows))

    def forecast(self, study: Study) -> Forecast:
        """Return the same curves for each row."""
        shape = (len(study), 1)
        return Forecast.of(np.tile(self.survival, shape), np.tile(self.memorized, shape))

    def save(self, path: Path) -> None:
        """Write the curves as JSON."""
        write_json(_plain(self), path)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Return the model in a file."""
        return cls(**_arrays(read_json(path)))


@dataclass(frozen=True)
class KaplanMeierStrata(CountRule):
    """Curves for each stratum of a count: that of the continuation, if it is known.

    Attributes
    ----------
    column : the feature that holds the count.
    strata : the curves of each stratum.
    """

    column: str
    strata: tuple[KaplanMeier, ...]

    @classmethod
    def train(cls, rows: Study, rng: np.random.Generator) -> Self:
        """Return the stratified estimate; a stratum without rows gets the marginal one.

        Raises
        ------
        UserError
            If a count is not known.
        """
        (column,) = rows.features.columns
        stratum = stratum_of(rows.features[column].to_numpy())
        own = [stratum == k for k in range(len(STRATA))]
        parts = [rows.take(some) if some.any() else rows for some in own]
        return cls(str(column), tuple(KaplanMeier.train(part, rng) for part in parts))

    def forecast(self, study: Study) -> Forecast:
        """Return the curves of each row's stratum."""
        stratum = stratum_of(study.features[self.column].to_numpy())
        survival = np.stack([own.survival for own in self.strata])
        memorized = np.stack([own.memorized for own in self.strata])
        return Forecast.of(survival[stratum], memorized[stratum])

    def save(self, path: Path) -> None:
        """Write the column and the curves, stratum -> curves, as JSON."""
        curves = {name: _plain(own) for name, own in zip(STRATA, self.strata, strict=True)}
        write_json({"column": self.column, "strata": curves}, path)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Return the model in a file."""
        values = read_json(path)
        curves = (KaplanMeier(**_arrays(values["strata"][stratum])) for stratum in STRATA)
        return cls(values["column"], tuple(curves))


def share_memorized(rows: Study) -> np.ndarray:
    """Return the weighted share of those looked at that is memorized at each checkpoint, float [c].

    0 where nobody was looked at.
    """
    histories = rows.known_histories
    total = rows.weight @ histories.observed
    return ratio(rows.weight @ (histories.memorized & histories.observed), total, empty=0.0)


def _plain(model: KaplanMeier) -> dict[str, list[float]]:
    return {"survival": model.survival.tolist(), "memorized": model.memorized.tolist()}


def _arrays(values: dict[str, list[float]]) -> dict[str, np.ndarray]:
    return {name: np.array(curve) for name, curve in values.items()}
