"""What sequences were, and what they had been shown, at each checkpoint."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from memorization.errors import UserError
from memorization.labels.trajectories import Trajectories
from memorization.tables import EXPOSURES, read_table


@dataclass(frozen=True)
class Histories:
    """The states and exposures of n sequences at c checkpoints.

    Attributes
    ----------
    memorized : bool [n, c]; False where it was not looked.
    observed : bool [n, c], whether it was looked: from some checkpoint of each row on, to the end.
    steps : int [c], optimizer steps of the checkpoints, ascending.
    seen : int [n, c], occurrences of the continuation met in training by each checkpoint, whatever
        the prompt, that in its own row too; None where the training data are not all known.
    """

    memorized: np.ndarray
    observed: np.ndarray
    steps: np.ndarray
    seen: np.ndarray | None

    @classmethod
    def read(cls, results: str | Path, index: np.ndarray) -> Histories:
        """Return the histories of some sequences, int64 [n], in their order.

        Raises
        ------
        UserError
            If a table is missing or damaged, or they are not of one run.
        """
        found = rows_of(Trajectories.read(Path(results, "trajectories.npz")), index)
        exposures = read_table(Path(results, "exposures.parquet"), EXPOSURES)
        seen = None
        if len(exposures):
            table = exposures.pivot(index="index", columns="step", values="continuation_count")
            same = np.array_equal(table.columns, found.steps)
            if not same or not np.array_equal(table.index, np.sort(index)):
                raise UserError(
                    "results/exposures.parquet: not about the sequences and checkpoints of "
                    "results/trajectories.npz; run `dvc repro` to make all tables of one run"
                )
            seen = table.loc[index].to_numpy()
        return cls(found.memorized, found.observed, found.steps, seen)

    def __len__(self) -> int:
        """Return the number of sequences."""
        return len(self.memorized)

    def take(self, rows: np.ndarray) -> Histories:
        """Return the histories of some rows (a mask or positions)."""
        return dataclasses.replace(
            self,
            memorized=self.memorized[rows],
            observed=self.observed[rows],
            seen=None if self.seen is None else self.seen[rows],
        )

    def unseen(self) -> Histories:
        """Return the histories as known without the training data."""
        return dataclasses.replace(self, seen=None)


def rows_of(trajectories: Trajectories, index: np.ndarray) -> Trajectories:
    """Return the trajectories of some sequences, in their order.

    Raises
    ------
    UserError
        If a sequence has none.
    """
    order = np.argsort(trajectories.index, kind="stable")
    places = np.searchsorted(trajectories.index, index, sorter=order)
    rows = order[np.minimum(places, len(order) - 1)]
    if not np.array_equal(trajectories.index[rows], index):
        raise UserError("results: tables of different runs; run `dvc repro` to make all of one run")
    return Trajectories(
        index,
        trajectories.steps,
        trajectories.match_length[rows],
        trajectories.continuation_logprob[rows],
        trajectories.observed[rows],
    )
