"""What a classifier is, and its file: skops, which loads no code, unlike pickle."""

from __future__ import annotations

import io
import json
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, Self
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import numpy as np
import pandas as pd
from scipy.special import logit

from memorization.errors import UserError
from memorization.evaluation.crossfit import Model
from memorization.files import replacing
from memorization.study import Study

# Probabilities are held so far from 0 and 1 that their log-odds are numbers.
CERTAIN = 1e-6
# The types, beyond those that skops trusts by itself, that a model's file may hold.
TRUSTED = ("numpy.dtype", "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor")


def log_odds(probability: np.ndarray) -> np.ndarray:
    """Return the log-odds of probabilities, float64 [...], finite where they are 0 or 1 too.

    >>> log_odds(np.array([0.0, 0.5])).round(1).tolist()
    [-13.8, 0.0]
    """
    return logit(np.clip(probability, CERTAIN, 1 - CERTAIN))


class BinaryModel(Model):
    """A model that predicts the probability of being memorized in the end, float64 [m].

    Attributes
    ----------
    reads_text : whether it needs the text of the study, and is left out where there is none.
    chosen : the settings that the fit chose, by name.
    """

    reads_text: ClassVar[bool] = False
    chosen: Mapping[str, Any] = MappingProxyType({})

    @classmethod
    def fit(cls, study: Study, rows: np.ndarray, rng: np.random.Generator) -> BinaryModel:
        """Return the model of some rows; their prevalence, if they are of one class."""
        own = study.take(rows)
        if not len(own):
            raise ValueError("no rows to fit to: thresholds take three folds or more")
        if own.truth.all() or not own.truth.any():
            return Rates(None, float(own.truth.any()), float(own.truth.any()))
        return cls.train(own, int(rng.integers(2**31)))

    @classmethod
    @abstractmethod
    def train(cls, rows: Study, seed: int) -> BinaryModel:
        """Return a model of the population's probabilities from a sample of both classes.

        Parameters
        ----------
        rows : Study
            Missing feature values are allowed; of the weights only the proportions matter; folds
            say which rows to keep apart where a setting is chosen by cross-validation.
        """


class FeatureModel(BinaryModel):
    """A model whose predictions depend on the features alone."""

    @abstractmethod
    def probability(self, features: pd.DataFrame) -> np.ndarray:
        """Return the probability of being memorized, float64 [n], from a table of features."""

    def predict(self, study: Study, rows: np.ndarray) -> np.ndarray:
        """Return the probability of some rows of a study, float64 [m]."""
        return self.probability(study.take(rows).features)


@dataclass(frozen=True)
class Rates(FeatureModel):
    """Predicts a rate for each value of a yes-or-no column; without a column, one rate for all."""

    column: str | None
    no: float
    yes: float
    is_baseline: ClassVar[bool] = True

    @classmethod
    def train(cls, rows: Study, seed: int) -> Rates:
        """Return the share of the population that is memorized, for everyone."""
        rate = float(np.average(rows.truth, weights=rows.weight))
        return Rates(None, rate, rate)

    def probability(self, features: pd.DataFrame) -> np.ndarray:
        """Return the rate of each row's value."""
        if self.column is None:
            return np.full(len(features), self.no)
        return np.where(features[self.column].to_numpy() > 0, self.yes, self.no)


@dataclass(frozen=True)
class Classifier(FeatureModel):
    """A fitted scikit-learn classifier.

    Attributes
    ----------
    estimator : the classifier, fitted to columns that it knows by name.
    shift : added to its log-odds, to get from the sample that it was fitted to to the population.
    chosen : the settings that the fit chose, by name.
    """

    estimator: Any
    shift: float = 0.0
    chosen: Mapping[str, Any] = field(default_factory=dict)
    suffix: ClassVar[str] = ".skops"

    def probability(self, features: pd.DataFrame) -> np.ndarray:
        """Return the probability of being memorized, float64 [n].

        Parameters
        ----------
        features : DataFrame [n]
            Holds at least the columns of the fit; others are ignored.
        """
        columns = list(self.estimator.feature_names_in_)
        probability = self.estimator.predict_proba(features[columns])[:, 1].astype(np.float64)
        odds_ratio = np.exp(self.shift)
        return odds_ratio * probability / (odds_ratio * probability + 1 - probability)

    def save(self, path: Path) -> None:
        """Write the classifier as a skops file: the same bytes for the same classifier.

        skops names arrays by their address in memory and stamps files with the time; here they are
        numbered in the order in which they come, and carry no time.
        """
        import skops.io  # here, because that takes seconds, and most of what fits saves nothing

        held = {"estimator": self.estimator, "shift": self.shift, "chosen": dict(self.chosen)}
        with ZipFile(io.BytesIO(skops.io.dumps(held))) as archive:
            schema = json.loads(archive.read("schema.json"))
            contents = {name: archive.read(name) for name in archive.namelist()}
        names: dict[str, str] = {}
        schema = _renumber(schema, {}, names)
        with replacing(path) as partial, ZipFile(partial, "w") as archive:
            for old, new in sorted(names.items(), key=lambda pair: pair[1]):
                archive.writestr(ZipInfo(new), contents[old], ZIP_DEFLATED)
            archive.writestr(ZipInfo("schema.json"), json.dumps(schema, indent=1), ZIP_DEFLATED)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Return a classifier from its file, without running code from it.

        Raises
        ------
        UserError
            If the file is missing, is no skops file, or holds a type that no model of ours needs.
        """
        import skops.io

        try:
            return cls(**skops.io.load(path, trusted=list(TRUSTED)))
        except FileNotFoundError:
            raise UserError(f"{path}: no such model; run `dvc repro whether` to make it") from None
        except Exception as error:  # A file from elsewhere can be wrong in any way.
            reason = " ".join(str(error).split())
            raise UserError(f"{path}: not a model that can be trusted ({reason})") from None


def _renumber(node: Any, numbers: dict[tuple[int, int | None], int], names: dict[str, str]) -> Any:
    """Return a skops schema whose ids and files are numbered in order of appearance."""
    if isinstance(node, list):
        return [_renumber(item, numbers, names) for item in node]
    if not isinstance(node, dict):
        return node
    renumbered = {key: _renumber(item, numbers, names) for key, item in node.items()}
    if "__id__" in node:
        # Whether two equal constants are one object differs between equal classifiers, of which one
        # has come from another process, and means nothing.
        own = (node["__id__"], len(numbers) if node.get("is_json") else None)
        renumbered["__id__"] = numbers.setdefault(own, len(numbers) + 1)
    if isinstance(node.get("file"), str):
        suffix = Path(node["file"]).suffix
        renumbered["file"] = names.setdefault(node["file"], f"{len(names):06d}{suffix}")
    return renumbered
