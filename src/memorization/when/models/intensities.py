"""Onset and loss by everything that is known: text, exposure and time; and by exposure alone.

Two rules know how often a sequence occurs, and nothing of its text: `Count` takes how often it
occurs in all of the training, `ExposureClock` how often it was met so far, and when last. Each is a
handful of coefficients without a penalty. That the second is no model of the text, and still a
moving target, makes it the one to beat.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Self

import numpy as np

from memorization.evaluation.crossfit import Tiers, without_text
from memorization.features import feature_of
from memorization.files import read_object, write_object
from memorization.intensities.boosting import BoostedIntensities
from memorization.intensities.forward import Forecast, Intensities
from memorization.intensities.logistic import FREE, GRID, LogisticIntensities
from memorization.strata import CONTINUATIONS
from memorization.study import Study
from memorization.when.models.model import CountRule, SurvivalModel


@dataclass(frozen=True)
class IntensityModel(SurvivalModel):
    """A model whose forecast is that of its intensities."""

    intensities: Intensities

    @classmethod
    def known(cls, study: Study) -> Study:
        """Return what the intensities are told: no exposures where features are of text alone."""
        if any(feature_of(str(name)).tier != "text" for name in study.features):
            return study
        return replace(study, histories=study.known_histories.unseen())

    def forecast(self, study: Study) -> Forecast:
        """Return the forecast; see `SurvivalModel.forecast`."""
        return self.intensities.forecast(study.known_histories, study.features)


@dataclass(frozen=True)
class Logistic(IntensityModel):
    """Intensities by logistic regression, with a penalty chosen in every fit.

    Attributes
    ----------
    grid : of the penalty, see `LogisticIntensities.fit`.
    """

    intensities: LogisticIntensities
    grid: ClassVar[Sequence[float]] = GRID

    @classmethod
    def train(cls, rows: Study, rng: np.random.Generator) -> Self:
        """Return the maximum of the penalised likelihood."""
        return cls(LogisticIntensities.fit(cls.known(rows), rng, cls.grid))

    def save(self, path: Path) -> None:
        """Write the intensities as JSON."""
        write_object(self.intensities, path)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Return the model in a file."""
        return cls(read_object(LogisticIntensities, path))


@dataclass(frozen=True)
class Boosting(IntensityModel):
    """Intensities by gradient-boosted trees."""

    intensities: BoostedIntensities
    is_kept: ClassVar[bool] = False

    @classmethod
    def train(cls, rows: Study, rng: np.random.Generator) -> Self:
        """Return the trees."""
        return cls(BoostedIntensities.fit(cls.known(rows), rng))


@dataclass(frozen=True)
class WithoutText(Boosting):
    """The trees on exposures, counts and the like, by which is told what the text adds to them."""

    requires: ClassVar[str | None] = CONTINUATIONS

    @classmethod
    def columns(cls, tiers: Tiers) -> Tiers:
        """Return the features of the training data, where there are any."""
        return without_text(tiers)


@dataclass(frozen=True)
class Count(CountRule, Logistic):
    """Onset and loss by the logarithm of the count; a ranking by the count itself.

    Attributes
    ----------
    intensities : with the count as their one feature, and no exposures.
    """

    grid: ClassVar[Sequence[float]] = (FREE,)

    @classmethod
    def known(cls, study: Study) -> Study:
        """Return the study without its exposures."""
        return replace(study, histories=study.known_histories.unseen())


@dataclass(frozen=True)
class ExposureClock(Count):
    """Onset and loss by the exposures so far, the last of them, and time."""

    needs_exposures: ClassVar[bool] = True

    @classmethod
    def known(cls, study: Study) -> Study:
        """Return the study without its features."""
        return study.only([])
