"""Models, and their predictions of rows that they have not seen: one fit a fold left out.

Nothing is ever scored by a model that has seen its cluster. Binary and time-to-event models alike
are a `Model`, are fitted by `cross_fit`, and draw on a random stream of their own, so that which
others run changes nothing of one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Self

import numpy as np

from memorization.protocol import TIERS
from memorization.randomness import generator
from memorization.study import Study

# Knowledge tier -> the features that may be used there, cumulative; as `Study.tiers`.
Tiers = Mapping[str, tuple[str, ...]]


def every(tiers: Tiers) -> tuple[str, ...]:
    """Return all features, which are those of the highest tier.

    >>> every({"text": ("a.x",), "corpus": ("a.x", "b.y")}), every({})
    (('a.x', 'b.y'), ())
    """
    return list(tiers.values())[-1] if tiers else ()


def without_text(tiers: Tiers) -> Tiers:
    """Return the features that the tier of the training data adds to the text; nothing without any.

    >>> without_text({"text": ("a.x",), "corpus": ("a.x", "b.y")}), without_text({"text": ("a.x",)})
    ({'corpus': ('b.y',)}, {})
    """
    text = set(tiers.get("text", ()))
    added = tuple(name for name in tiers.get("corpus", ()) if name not in text)
    return {"corpus": added} if added else {}


def unit_weight(weight: np.ndarray) -> np.ndarray:
    """Return the weights scaled to mean 1, float64 [n].

    Penalties are then a matter of how many rows were seen, not of how large the population is that
    they stand for.
    """
    return np.asarray(weight, dtype=np.float64) / np.mean(weight)


class Model(ABC):
    """A fitted model; its class fits and reads it.

    Attributes
    ----------
    is_baseline : whether it is one of those that others must beat.
    requires : the feature for want of which it is left out; None: it needs no particular one.
    suffix : of the file that holds a fitted model.
    """

    is_baseline: ClassVar[bool] = False
    requires: ClassVar[str | None] = None
    suffix: ClassVar[str] = ".json"

    @classmethod
    def columns(cls, tiers: Tiers) -> Tiers:
        """Return tier -> the features that the model is given there; other tiers do without it.

        A baseline that uses one feature, or none, is the same in all tiers from its own on, and
        reported once.
        """
        return tiers

    @classmethod
    @abstractmethod
    def fit(cls, study: Study, rows: np.ndarray, rng: np.random.Generator) -> Model:
        """Return a model fitted to some rows of a study, each with its weight.

        Parameters
        ----------
        rows : bool [n] or positions.
        rng : of every random choice; the same stream gives the same model.
        """

    @abstractmethod
    def predict(self, study: Study, rows: np.ndarray) -> np.ndarray:
        """Return a number or a curve for each of some rows, float [m] or [m, c]."""

    def save(self, path: Path) -> None:
        """Write the model to a file that runs no code when it is read."""
        raise NotImplementedError(f"{type(self).__name__} is not kept")

    @classmethod
    def load(cls, path: Path) -> Self:
        """Return the model in a file; it predicts what it predicted when it was saved."""
        raise NotImplementedError(f"{cls.__name__} is not kept")


@dataclass(frozen=True)
class Candidate:
    """A model at a tier: what is fitted, on which features, with which random stream.

    Attributes
    ----------
    tier, name : as in the tables of predictions.
    model : the class that fits it.
    columns : of the features.
    purpose : names its random stream.
    """

    tier: str
    name: str
    model: type[Model]
    columns: tuple[str, ...]
    purpose: str

    @property
    def key(self) -> tuple[str, str]:
        """Tier and name."""
        return self.tier, self.name

    def fit(self, study: Study, rows: np.ndarray | None = None) -> Model:
        """Return the model fitted to some rows; None: to all."""
        rows = np.arange(len(study)) if rows is None else rows
        return self.model.fit(study.only(self.columns), rows, generator(study.seed, self.purpose))


def candidates(
    models: Mapping[str, type[Model]], tiers: Tiers, question: str
) -> tuple[list[Candidate], dict[str, str]]:
    """Return every model at every tier that it is reported in, from the lowest tier up; and the
    models left out for want of a feature, with that feature.

    Parameters
    ----------
    models : by name.
    question : of the models, as ``whether``; part of the names of their random streams.
    """
    given = {name: model.columns(tiers) for name, model in models.items()}
    found = [
        Candidate(tier, name, model, given[name][tier], f"{question}/{tier}/{name}")
        for tier in TIERS
        for name, model in models.items()
        if tier in given[name]
    ]
    absent = {
        name: model.requires
        for name, model in models.items()
        if model.requires is not None and not given[name]
    }
    return found, absent


@dataclass(frozen=True)
class CrossFit:
    """What cross-fitting gives.

    Attributes
    ----------
    prediction : float [n] or [n, c], from the model fitted without the row's fold.
    fitted : dict, fold -> the model fitted without it.
    """

    prediction: np.ndarray
    fitted: Mapping[int, Model]


def cross_fit(candidate: Candidate, study: Study, fitted_to: Study | None = None) -> CrossFit:
    """Return each row's prediction by the model that was fitted to the other folds.

    Parameters
    ----------
    fitted_to : rows of the same folds to fit to in place of all, see `thin`.
    """
    rows = study if fitted_to is None else fitted_to
    fitted = {
        int(held_out): candidate.fit(rows, rows.fold != held_out) for held_out in folds(study)
    }
    parts = {fold: model.predict(study, study.fold == fold) for fold, model in fitted.items()}
    prediction = np.empty((len(study), *next(iter(parts.values())).shape[1:]))
    for fold, part in parts.items():
        prediction[study.fold == fold] = part
    return CrossFit(prediction, fitted)


def folds(study: Study) -> Iterable[int]:
    """Return the folds of a study, ascending."""
    return np.unique(study.fold).tolist()


def thin(study: Study, largest: int | None, rng: np.random.Generator) -> Study:
    """Return at most so many rows of a study, the memorized first, that stand for all; `thinned`.

    What is fitted hundreds of times, to be compared and not used, is fitted to these.
    """
    rows, weight = thinned(study.truth, study.weight, largest, rng)
    return replace(study.take(rows), weight=weight)


def thinned(
    event: np.ndarray, weight: np.ndarray, largest: int | None, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return which rows to keep, ascending positions, and their weights.

    Rows with the event say most and are kept first: all of them, or as many as fill half of the
    places. Those of each kind are drawn at random and take over the weight of those of their kind
    that are left out, so that both kinds stand for as many sequences as before.

    Parameters
    ----------
    event : bool [n].
    weight : float [n].
    largest : rows to keep at most; None: all.

    >>> event, weight = np.array([True, False, False, False]), np.array([1.0, 2.0, 2.0, 2.0])
    >>> rows, kept = thinned(event, weight, 2, np.random.default_rng(0))
    >>> bool(rows[0] == 0), len(rows), kept.tolist()
    (True, 2, [1.0, 6.0])
    """
    n = len(event)
    if largest is None or n <= largest:
        return np.arange(n), weight
    n_events = min(int(event.sum()), max(largest // 2, largest - int((~event).sum())))
    kept = []
    weights = np.zeros(n)
    for kind, size in ((event, n_events), (~event, largest - n_events)):
        rows = rng.permutation(np.flatnonzero(kind))[:size]
        if len(rows):
            weights[rows] = weight[rows] * (weight[kind].sum() / weight[rows].sum())
        kept.append(rows)
    rows = np.sort(np.concatenate(kept))
    return rows, weights[rows]
