"""What fitting a classifier returns, and its file: skops, which loads no code, unlike pickle."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import numpy as np
import pandas as pd

from memorization.errors import UserError
from memorization.files import replacing

# The types, beyond those that skops trusts by itself, that a model's file may hold.
TRUSTED = ("numpy.dtype", "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor")


class Predictor(Protocol):
    """Anything that predicts a probability from a table of features."""

    def predict(self, features: pd.DataFrame) -> np.ndarray:
        """Return the probability of being memorized, float64 [n]."""


class Fit(Protocol):
    """A way to fit, deterministic in its arguments."""

    def __call__(
        self,
        features: pd.DataFrame,
        truth: np.ndarray,
        weight: np.ndarray,
        fold: np.ndarray,
        seed: int,
    ) -> Predictor:
        """Return a predictor of the population's probabilities, fitted to a sample of it.

        Parameters
        ----------
        features : DataFrame [n], float columns; missing values allowed
        truth : bool [n]
            Of both classes.
        weight : float [n]
            Population sequences that a row stands for; only their proportions matter.
        fold : int [n]
            Which rows to keep apart where the fit chooses a setting by cross-validation: those of
            one cluster share a fold.
        seed : int
            Of every random choice of the fit.
        """


class ModelFit(Protocol):
    """A `Fit` whose result can be saved."""

    def __call__(
        self,
        features: pd.DataFrame,
        truth: np.ndarray,
        weight: np.ndarray,
        fold: np.ndarray,
        seed: int,
    ) -> Fitted:
        """Return the classifier; the parameters are those of `Fit`."""


@dataclass(frozen=True)
class Fitted:
    """A fitted scikit-learn classifier.

    Attributes
    ----------
    estimator : the classifier, fitted to columns that it knows by name.
    shift : added to its log-odds, to get from the sample that it was fitted to to the population.
    chosen : the settings that the fit chose by cross-validation, by name.
    """

    estimator: Any
    shift: float = 0.0
    chosen: Mapping[str, float] = field(default_factory=dict)

    def predict(self, features: pd.DataFrame) -> np.ndarray:
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


def unit_weight(weight: np.ndarray) -> np.ndarray:
    """Return the weights scaled to mean 1, float64 [n].

    Penalties are then a matter of how many rows were seen, not of how large the population is that
    they stand for.
    """
    return np.asarray(weight, dtype=np.float64) / np.mean(weight)


def save_fitted(fitted: Fitted, path: str | Path) -> None:
    """Write a fitted classifier as a skops file: the same bytes for the same classifier.

    skops names arrays by their address in memory and stamps files with the time; here they are
    numbered in the order in which they come, and carry no time.
    """
    import skops.io  # here, because that takes seconds, and most of what fits saves nothing

    held = {"estimator": fitted.estimator, "shift": fitted.shift, "chosen": dict(fitted.chosen)}
    with ZipFile(io.BytesIO(skops.io.dumps(held))) as archive:
        schema = json.loads(archive.read("schema.json"))
        contents = {name: archive.read(name) for name in archive.namelist()}
    del contents["schema.json"]
    numbers: dict[tuple[int, int | None], int] = {}
    names: dict[str, str] = {}
    schema = _renumber(schema, numbers, names)
    with replacing(Path(path)) as partial, ZipFile(partial, "w") as archive:
        for old, new in sorted(names.items(), key=lambda pair: pair[1]):
            archive.writestr(ZipInfo(new), contents[old], ZIP_DEFLATED)
        archive.writestr(ZipInfo("schema.json"), json.dumps(schema, indent=1), ZIP_DEFLATED)


def load_fitted(path: str | Path) -> Fitted:
    """Return a classifier from its file, without running code from it.

    Raises
    ------
    UserError
        If the file is missing, is no skops file, or holds a type that no model of ours needs.
    """
    import skops.io

    try:
        return Fitted(**skops.io.load(path, trusted=list(TRUSTED)))
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
