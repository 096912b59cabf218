"""What a survival model is."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from typing import ClassVar, Self

import numpy as np
import pandas as pd

from memorization.evaluation.crossfit import Model
from memorization.evaluation.thinning import thinned
from memorization.study import Study, Targets
from memorization.when.left_censoring import fit_by_rounds


class SurvivalModel(Model):
    """A model that predicts the probability of no event up to each checkpoint.

    Attributes
    ----------
    takes_left_censoring : whether it can be fitted to left-censored events as they are; for others
        they are completed, see `memorization.when.left_censoring`.
    largest : rows that the model is fitted to at most, those with the event first, the others
        thinned at random; None: all. See `memorization.evaluation.thinning`.
    """

    takes_left_censoring: ClassVar[bool] = False
    largest: ClassVar[int | None] = None

    @classmethod
    def fit(cls, study: Study, rows: np.ndarray, rng: np.random.Generator) -> SurvivalModel:
        """Return the model of some rows, of which there may be too many, or too little known."""
        seed = int(rng.integers(2**31))
        own = study.take(rows)
        kept, weight = thinned(own.times.event, own.weight, cls.largest, rng)
        own = replace(own.take(kept), weight=weight)
        if cls.takes_left_censoring or not own.times.left_censored.any():
            return cls.train(own, seed)

        def train(complete: Targets) -> SurvivalModel:
            return cls.train(replace(own, targets=complete), seed)

        def survival(model: SurvivalModel, places: np.ndarray) -> np.ndarray:
            return model.survival(own.features.iloc[places])

        return fit_by_rounds(train, survival, own.times, weight, rng)

    @classmethod
    @abstractmethod
    def train(cls, rows: Study, seed: int) -> Self:
        """Return the model of a study's rows, each standing for its weight, all of it positive.

        Missing feature values are allowed, except in what a model requires.
        """

    @abstractmethod
    def survival(self, features: pd.DataFrame) -> np.ndarray:
        """Return the probability of no event up to each checkpoint, float [n, c]."""

    def predict(self, study: Study, rows: np.ndarray) -> np.ndarray:
        """Return the survival of some rows of a study, float [m, c]."""
        return self.survival(study.take(rows).features)
