"""Two rules that know how often a sequence occurs, and nothing of its text.

`Count` takes how often it occurs in all of the training, `ExposureClock` how often it was met so
far, and when last. Each is a handful of coefficients without a penalty. That the second is no model
of the text, and still a moving target, makes it the one to beat.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Self

import numpy as np

from memorization.evaluation.crossfit import Tiers
from memorization.intensities.forward import Forecast
from memorization.intensities.logistic import FREE, LogisticIntensities
from memorization.strata import CONTINUATIONS
from memorization.study import Study
from memorization.when.models.model import SurvivalModel, of_count


@dataclass(frozen=True)
class Count(SurvivalModel):
    """Onset and loss by the logarithm of the count; a ranking by the count itself.

    Attributes
    ----------
    intensities : with the count as their one feature, and no exposures.
    """

    intensities: LogisticIntensities
    is_baseline: ClassVar[bool] = True
    requires: ClassVar[str | None] = CONTINUATIONS

    @classmethod
    def columns(cls, tiers: Tiers) -> Tiers:
        """Return the finest count that is known."""
        return of_count(tiers)

    @classmethod
    def train(cls, rows: Study, rng: np.random.Generator) -> Self:
        """Return the maximum of the likelihood."""
        return cls(LogisticIntensities.fit(cls.known(rows), rng, grid=(FREE,)))

    @classmethod
    def known(cls, study: Study) -> Study:
        """Return the study without its exposures."""
        return replace(study, histories=study.known_histories.unseen())

    def forecast(self, study: Study) -> Forecast:
        """Return the forecast; see `SurvivalModel.forecast`."""
        return self.intensities.forecast(study.features, study.known_histories)

    def save(self, path: Path) -> None:
        """Write the intensities as JSON."""
        self.intensities.save(path)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Return the model in a file."""
        return cls(LogisticIntensities.load(path))


@dataclass(frozen=True)
class ExposureClock(Count):
    """Onset and loss by the exposures so far, the last of them, and time."""

    needs_exposures: ClassVar[bool] = True

    @classmethod
    def known(cls, study: Study) -> Study:
        """Return the study without its features."""
        return study.only([])
