"""Onset and loss by everything that is known: text, exposure and time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Self

import numpy as np

from memorization.intensities.boosting import BoostedIntensities
from memorization.intensities.forward import Forecast
from memorization.intensities.logistic import LogisticIntensities
from memorization.study import Study
from memorization.when.models.model import SurvivalModel, knows_exposure


@dataclass(frozen=True)
class Logistic(SurvivalModel):
    """Intensities by logistic regression, with a penalty chosen in every fit."""

    intensities: LogisticIntensities

    @classmethod
    def train(cls, rows: Study, rng: np.random.Generator) -> Self:
        """Return the maximum of the penalised likelihood."""
        return cls(LogisticIntensities.fit(_known(rows), rng))

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
class Boosting(SurvivalModel):
    """Intensities by gradient-boosted trees."""

    intensities: BoostedIntensities
    is_kept: ClassVar[bool] = False

    @classmethod
    def train(cls, rows: Study, rng: np.random.Generator) -> Self:
        """Return the trees."""
        return cls(BoostedIntensities.fit(_known(rows), rng))

    def forecast(self, study: Study) -> Forecast:
        """Return the forecast; see `SurvivalModel.forecast`."""
        return self.intensities.forecast(study.features, study.known_histories)


def _known(study: Study) -> Study:
    """Return the study without its exposures, where its features are of the text alone."""
    if knows_exposure(study.features):
        return study
    return replace(study, histories=study.known_histories.unseen())
