"""What a survival model is, and how it is fitted to events that are only known to be early.

Such a row contributes F(time) = 1 - S(time) to the likelihood, which the libraries' models cannot
take. The stochastic EM algorithm can do with any model (Celeux & Diebolt 1985, "The SEM algorithm";
for a curve alone, its expectation is the self-consistency of Turnbull 1976): draw each such event
among the checkpoints up to its own, as the model has it, fit the model to what is then an exact
event in every row, and again. Neither rows nor weights change, so a model needs no more than for
exact events. One draw a row: the noise that it adds is that of thousands of draws averaged.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from typing import ClassVar, Self

import numpy as np
import pandas as pd

from memorization.evaluation.crossfit import Model, thinned
from memorization.study import Study, Targets
from memorization.when.kaplan_meier import kaplan_meier

# Fits, the first to draws from the marginal curve. On simulated evaluations of which two thirds of
# the events are left-censored, the error of every model has come down to its noise by the third.
ROUNDS = 3


class SurvivalModel(Model):
    """A model that predicts the probability of no event up to each checkpoint.

    Attributes
    ----------
    takes_left_censoring : whether it can be fitted to left-censored events as they are; for others
        they are completed, see `memorization.when.models.model`.
    largest : rows that the model is fitted to at most, those with the event first, the others
        thinned at random; None: all. See `memorization.evaluation.crossfit`.
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
        left = np.flatnonzero(own.times.left_censored)
        if cls.takes_left_censoring or not len(left):
            return cls.train(own, seed)
        survival = np.tile(kaplan_meier(own.times, weight), (len(left), 1))
        for _ in range(ROUNDS - 1):
            model = cls.train(replace(own, targets=drawn_targets(own.times, survival, rng)), seed)
            survival = model.survival(own.features.iloc[left])
        return cls.train(replace(own, targets=drawn_targets(own.times, survival, rng)), seed)

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


def drawn_targets(targets: Targets, survival: np.ndarray, rng: np.random.Generator) -> Targets:
    """Return targets in which every left-censored event has a time, drawn given the bound.

    Parameters
    ----------
    survival : float [m, c], of the m left-censored rows, in their order.

    >>> targets = Targets(np.array([2, 3]), np.ones(2, bool), 3, np.array([2, 1]))
    >>> sure = np.array([[0.1, 0.1, 0.1]])
    >>> drawn_targets(targets, sure, np.random.default_rng(0)).time.tolist()
    [1, 3]
    """
    left = targets.left_censored
    mass = np.maximum(-np.diff(survival, axis=1, prepend=1.0), 0.0)
    # Where a model is sure of no event yet, any place is as good as another.
    mass = np.where(np.arange(1, targets.n_times + 1) <= targets.time[left, None], mass + 1e-9, 0.0)
    upto = np.cumsum(mass, axis=1)
    time = targets.time.copy()
    time[left] = 1 + (upto <= rng.random(len(upto))[:, None] * upto[:, -1:]).sum(axis=1)
    return Targets(time, targets.event, targets.n_times)
