"""What a survival model is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import pandas as pd

from memorization.protocol import TIERS
from memorization.study.targets import Targets


class SurvivalModel(ABC):
    """A fitted survival model; the class fits and reads it.

    Attributes
    ----------
    tiers : the knowledge tiers in which the model is reported; a baseline that uses one fixed
        feature, or none, is the same in all tiers from its own on, and reported once.
    requires_any : features of which the model needs at least one; none: it needs no particular one.
    featureless : whether it needs no feature, and is reported in its tiers whether or not they add
        one.
    takes_left_censoring : whether it can be fitted to left-censored events as they are; for others
        they are completed, see `memorization.when.left_censoring`.
    largest : rows that the model is fitted to at most, those with the event first, the others
        thinned at random; None: all. See `memorization.evaluation.thinning`.
    suffix : of the file that holds a fitted model.
    """

    tiers: ClassVar[tuple[str, ...]] = TIERS
    requires_any: ClassVar[tuple[str, ...]] = ()
    featureless: ClassVar[bool] = False
    takes_left_censoring: ClassVar[bool] = False
    largest: ClassVar[int | None] = None
    suffix: ClassVar[str] = ".json"

    @classmethod
    @abstractmethod
    def fit(
        cls, features: pd.DataFrame, targets: Targets, weight: np.ndarray, seed: int, threads: int
    ) -> Self:
        """Return the model fitted to n rows, each standing for ``weight`` sequences.

        Parameters
        ----------
        features : n rows; missing values allowed, except in what a model requires.
        weight : float [n], positive.
        seed : of every random choice of the fit.
        threads : to use at most; they do not change the result.
        """

    @abstractmethod
    def survival(self, features: pd.DataFrame) -> np.ndarray:
        """Return the probability of no event up to each checkpoint, float [n, c]."""

    @abstractmethod
    def save(self, path: Path) -> None:
        """Write the model to a file that does not run code when it is read."""

    @classmethod
    @abstractmethod
    def load(cls, path: Path) -> Self:
        """Return the model in a file; it predicts what it predicted when it was saved."""
