"""What a survival model is fitted to: event or censoring on the grid of checkpoints."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from memorization.errors import UserError


@dataclass(frozen=True)
class Targets:
    """Censored event times of n sequences.

    A sequence is at risk at the positions 1 … ``time``, and at the last of them it has the event or
    leaves unobserved. An event at the first evaluation of a sequence, where that is not
    the first of the grid, is *left-censored*: it was then, or before.

    Attributes
    ----------
    time : int [n], grid position (1 … n_times) of the event, or the last one under observation.
    event : bool [n], whether there is an event at ``time``.
    n_times : number of checkpoints c.
    first_evaluation : int [n], grid position of the first evaluation of each.
    """

    time: np.ndarray
    event: np.ndarray
    n_times: int
    first_evaluation: np.ndarray

    def __len__(self) -> int:
        """Return the number of sequences."""
        return len(self.time)

    @property
    def left_censored(self) -> np.ndarray:
        """Whether all that is known is that the event was by ``time``, bool [n]."""
        return self.event & (self.time <= self.first_evaluation) & (self.first_evaluation > 1)

    def take(self, rows: np.ndarray) -> Targets:
        """Return the targets of some rows (a mask or positions)."""
        return replace(
            self,
            time=self.time[rows],
            event=self.event[rows],
            first_evaluation=self.first_evaluation[rows],
        )


def targets_of(labels: pd.DataFrame, steps: np.ndarray, event: str) -> Targets:
    """Return the targets in a labels table.

    A sequence without the event is censored at the last checkpoint, at which it was looked at. All
    are at risk from the start, and nothing is truncated, because no sequence is left out for being
    memorized early: one that published evaluations come to late was, by then, either memorized,
    and is left-censored, or not, and is known to have had no event so far. (That it was memorized
    and forgotten again before, nobody can see, as between any two evaluations.)

    Parameters
    ----------
    labels : the labels table, n rows; see `memorization.labels.events`.
    steps : int [c], optimizer steps of the evaluated checkpoints, ascending.
    event : 'first' (the first checkpoint at which it is memorized) or 'stable' (the first from
        which it stays memorized to the end).

    Raises
    ------
    UserError
        If an event is at a step that is no checkpoint, or before the sequence's entry.

    >>> labels = pd.DataFrame({"first_step": pd.array([20, None], "Int32"), "entry": [0, 20]})
    >>> targets = targets_of(labels, np.array([10, 20, 30]), "first")
    >>> targets.time.tolist(), targets.event.tolist(), targets.first_evaluation.tolist()
    ([2, 3], [True, False], [1, 2])
    """
    column = labels[f"{event}_step"]
    happened = column.notna().to_numpy()
    step = column.fillna(0).to_numpy(dtype=np.int64)
    entry = labels["entry"].to_numpy(dtype=np.int64)
    for name, found in ((f"{event}_step", step[happened]), ("entry", entry[entry > 0])):
        off_grid = ~np.isin(found, steps)
        if off_grid.any():
            raise UserError(
                f"labels: {name} {found[off_grid][0]} is not one of the {len(steps)} checkpoints "
                "evaluated; run the stage labels again"
            )
    if (happened & (step < entry)).any():
        raise UserError(f"labels: {event}_step is before entry; run the stage labels again")
    return Targets(
        time=np.where(happened, np.searchsorted(steps, step) + 1, len(steps)),
        event=happened,
        n_times=len(steps),
        first_evaluation=np.searchsorted(steps, entry) + 1,
    )
