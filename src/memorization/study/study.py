"""The one object that every analysis takes: rows with features, outcome, weight and fold."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from memorization.errors import UserError
from memorization.features import features_of_tier
from memorization.features.exposure import HINDSIGHT
from memorization.labels.trajectories import Trajectories
from memorization.protocol import TIERS
from memorization.study.histories import Histories
from memorization.study.targets import Targets, targets_of
from memorization.tables import (
    FEATURES,
    LABELS,
    SEQUENCES,
    SPLITS,
    joined,
    read_table,
    token_matrix,
)

NO_STEPS = np.empty(0, np.int64)


def read_features(path: Path) -> pd.DataFrame:
    """Return the table of features.

    Raises
    ------
    UserError
        If it is missing or damaged, or has a column that is no declared feature.
    """
    table = read_table(path, FEATURES)
    try:
        features_of_tier(table.columns, TIERS[-1])
    except ValueError as error:
        raise UserError(f"{path}: {error}; run `dvc repro features` to make it again") from None
    return table


@dataclass(frozen=True)
class Study:
    """The n sequences that are studied, in one order.

    Attributes
    ----------
    index : int64 [n], position in training order.
    features : DataFrame [n], columns named family.name; none where a question needs none.
    truth : bool [n], memorized at the end of training.
    weight : float [n], population sequences that a row stands for.
    splits : DataFrame [n], with ``cluster`` and ``fold``, and the weaker splits and ``exposed``,
        see `memorization.tables.SPLITS`.
    seed : of every random choice.
    targets : when it was memorized, of the n rows; None where only *whether* is asked.
    steps : int [c], optimizer steps of the checkpoints that ``targets`` are about.
    text : object [n], the bytes that each sequence stands for; None where a question needs none.
    histories : the states and exposures of the n rows; None where a question needs none.
    """

    index: np.ndarray
    features: pd.DataFrame
    truth: np.ndarray
    weight: np.ndarray
    splits: pd.DataFrame
    seed: int = 0
    targets: Targets | None = None
    steps: np.ndarray = field(default_factory=NO_STEPS.copy)
    text: np.ndarray | None = None
    histories: Histories | None = None

    @classmethod
    def join(
        cls,
        sequences: pd.DataFrame,
        splits: pd.DataFrame,
        labels: pd.DataFrame,
        features: pd.DataFrame | None = None,
        seed: int = 0,
        event: str | None = None,
        steps: np.ndarray = NO_STEPS,
        pieces: Sequence[bytes] | None = None,
    ) -> Study:
        """Return the study of some tables, rows in the order of ``sequences``.

        Parameters
        ----------
        labels : with ``index`` and ``memorized``, and the times where there is an event.
        features : None where a question needs none.
        event, steps : what is timed, at which checkpoints, see `targets_of`; None: nothing is. With
            an event the study is of the sequences that were followed through the checkpoints, each
            with its weight among those.
        pieces : the bytes of each token, to read the sequences' ``tokens`` by; None: no text.

        Raises
        ------
        UserError
            If a table is about other sequences.
        """
        tables = {"labels": labels, "splits": splits}
        if features is not None:
            tables["features"] = features
        table = joined(sequences[["index", "weight", "followed", "when_weight"]], **tables)
        if event is not None:
            table = table[table["followed"]].reset_index(drop=True)
        named = [] if features is None else [name for name in features if name != "index"]
        return cls(
            index=table["index"].to_numpy(),
            features=table[named],
            truth=table["memorized"].to_numpy(dtype=bool),
            weight=table["weight" if event is None else "when_weight"].to_numpy(),
            splits=table[[name for name in splits if name != "index"]],
            seed=seed,
            targets=None if event is None else targets_of(table, steps, event),
            steps=steps,
            text=None if pieces is None else _text(sequences, table["index"], pieces),
        )

    @classmethod
    def read(
        cls,
        results: str | Path,
        seed: int,
        event: str | None = None,
        steps: np.ndarray = NO_STEPS,
        pieces: Sequence[bytes] | None = None,
    ) -> Study:
        """Return the study in a results folder, with every feature; see `join`.

        Raises
        ------
        UserError
            If a table is missing or damaged, or they are not of one run.
        """
        return cls.join(
            read_table(Path(results, "sequences.parquet"), SEQUENCES),
            read_table(Path(results, "splits.parquet"), SPLITS),
            read_table(Path(results, "labels.parquet"), LABELS),
            read_features(Path(results, "features.parquet")),
            seed,
            event,
            steps,
            pieces,
        )

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.index)

    @property
    def cluster(self) -> np.ndarray:
        """Which rows are the same text, int [n]."""
        return self.splits["cluster"].to_numpy()

    @property
    def fold(self) -> np.ndarray:
        """Which rows are held out together, int [n]."""
        return self.splits["fold"].to_numpy()

    @property
    def times(self) -> Targets:
        """When the rows were memorized; a defect of the caller where that was not joined."""
        if self.targets is None:
            raise ValueError("a study of whether, not of when: it has no times")
        return self.targets

    @property
    def known_histories(self) -> Histories:
        """The histories; a defect of the caller where they were not joined."""
        if self.histories is None:
            raise ValueError("a study without histories: its states in between are not known")
        return self.histories

    @cached_property
    def tiers(self) -> dict[str, tuple[str, ...]]:
        """Tier -> the features that it may use, of the tiers that add one to the tier below.

        A model fitted at any other tier would be the one of the tier below, on another seed: no
        result of its own, and its difference from the tier below would be the luck of the seed.
        """
        found: dict[str, tuple[str, ...]] = {}
        below = 0
        for tier in TIERS:
            usable = features_of_tier(self.features.columns, tier)
            if len(usable) > below:
                found[tier] = tuple(usable)
            below = len(usable)
        return found

    def take(self, rows: np.ndarray) -> Study:
        """Return the study of some rows (a mask or positions)."""
        return dataclasses.replace(
            self,
            index=self.index[rows],
            features=_rows(self.features, rows),
            truth=self.truth[rows],
            weight=self.weight[rows],
            splits=_rows(self.splits, rows),
            targets=None if self.targets is None else self.targets.take(rows),
            text=None if self.text is None else self.text[rows],
            histories=None if self.histories is None else self.histories.take(rows),
        )

    def only(self, columns: Iterable[str]) -> Study:
        """Return the study with some of its features."""
        return dataclasses.replace(self, features=self.features[list(columns)])

    def refolded(self, scheme: str) -> Study:
        """Return the study with another of its splits as the folds, as ``fold_random``."""
        return dataclasses.replace(self, splits=self.splits.assign(fold=self.splits[scheme]))

    def require_both_classes(self) -> None:
        """Check that some rows are memorized, and some are not.

        Raises
        ------
        UserError
            If not: there is nothing to tell apart.
        """
        if self.truth.all() or not self.truth.any():
            raise UserError(
                f"labels: {int(self.truth.sum())} of {len(self)} sampled sequences are memorized; "
                "there is nothing to tell apart; choose a larger target or train it for longer"
            )


def read_followed(results: str | Path, seed: int, event: str) -> Study:
    """Return the study with event times and histories, and without what only hindsight knows.

    Raises
    ------
    UserError
        If a table is missing or damaged, or they are not of one run.
    """
    steps = Trajectories.read(Path(results, "trajectories.npz")).steps
    study = Study.read(results, seed, event, steps)
    study = dataclasses.replace(study, histories=Histories.read(results, study.index))
    # What is yet to come of the training is not known at any step in the middle of it.
    return study.only(n for n in map(str, study.features) if not n.startswith(HINDSIGHT))


def _text(sequences: pd.DataFrame, index: pd.Series, pieces: Sequence[bytes]) -> np.ndarray:
    """Return the bytes of the sequences of an index, in their order in the table, object [n]."""
    tokens = token_matrix(sequences["tokens"])[sequences["index"].isin(index)]
    found = np.empty(len(tokens), dtype=object)
    found[:] = [b"".join([pieces[token] for token in row]) for row in tokens.tolist()]
    return found


def _rows(table: pd.DataFrame, rows: np.ndarray) -> pd.DataFrame:
    return table[rows] if rows.dtype == bool else table.iloc[rows]
