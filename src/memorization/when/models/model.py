"""What a model of *when* is."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from pathlib import Path
from typing import ClassVar, Self

import numpy as np

from memorization.evaluation.crossfit import Model, Tiers, every, thinned
from memorization.files import read_object, write_object
from memorization.intensities.forward import Forecast
from memorization.strata import CONTINUATIONS, finest_count
from memorization.study import Study


class SurvivalModel(Model):
    """A model that predicts, before training, when a sequence is memorized first.

    Attributes
    ----------
    largest : rows that the model is fitted to at most, those with the event first, the others
        thinned at random; None: all. See `memorization.evaluation.crossfit`.
    is_kept : whether the model fitted to all rows is saved.
    takes_late_entry : whether it can be fitted where sequences are first looked at late, by when
        the event may have happened.
    needs_exposures : whether it cannot do without the exposures so far.
    """

    largest: ClassVar[int | None] = None
    is_kept: ClassVar[bool] = True
    takes_late_entry: ClassVar[bool] = True
    needs_exposures: ClassVar[bool] = False

    @classmethod
    def fit(cls, study: Study, rows: np.ndarray, rng: np.random.Generator) -> SurvivalModel:
        """Return the model of some rows, of which there may be too many."""
        own = study.take(rows)
        kept, weight = thinned(own.times.event, own.weight, cls.largest, rng)
        return cls.train(replace(own.take(kept), weight=weight), rng)

    @classmethod
    @abstractmethod
    def train(cls, rows: Study, rng: np.random.Generator) -> Self:
        """Return the model of a study's rows, each standing for its weight, all of it positive.

        Missing feature values are allowed, except in what a model requires.
        """

    @abstractmethod
    def forecast(self, study: Study) -> Forecast:
        """Return what is expected of each row at each checkpoint.

        Of the study its features are used, and of its histories the exposures and the first
        evaluations, which are known before training, but no state.
        """

    def predict(self, study: Study, rows: np.ndarray) -> np.ndarray:
        """Return the forecast of some rows of a study, float [m, 4, c]: `Forecast.curves`."""
        return self.forecast(study.take(rows)).curves

    def save(self, path: Path) -> None:
        """Write the attributes as JSON; of a model whose attributes are numbers and arrays."""
        write_object(self, path)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Return the model in a file."""
        return read_object(cls, path)


def of_count(tiers: Tiers) -> Tiers:
    """Return the columns of a model of the finest count that is known, in its tier."""
    column = finest_count(every(tiers))
    return {} if column is None else {"corpus": (column,)}


class CountRule(SurvivalModel):
    """A rule that knows no text, and is left out where nothing was counted."""

    is_baseline: ClassVar[bool] = True
    requires: ClassVar[str | None] = CONTINUATIONS

    @classmethod
    def columns(cls, tiers: Tiers) -> Tiers:
        """Return the finest count that is known."""
        return of_count(tiers)
