"""What a survival model is fitted to: event or censoring on the grid of checkpoints."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from memorization.errors import UserError


@dataclass(frozen=True)
class Targets:
    """Right-censored, left-truncated event times of n sequences.

    A sequence is at risk at the positions ``entry + 1 … time``, and at the last of them it has the
    event or leaves unobserved.

    Attributes
    ----------
    time : int [n], grid position (1 … n_times) of the event, or the last one under observation.
    event : bool [n], whether there is an event at ``time``.
    entry : int [n], grid position after which it is under observation; 0 is from the start.
    n_times : number of checkpoints c.
    """

    time: np.ndarray
    event: np.ndarray
    entry: np.ndarray
    n_times: int

    def __len__(self) -> int:
        """Return the number of sequences."""
        return len(self.time)

    def take(self, rows: np.ndarray) -> Targets:
        """Return the targets of some rows (a mask or positions)."""
        return Targets(self.time[rows], self.event[rows], self.entry[rows], self.n_times)


def targets_of(labels: pd.DataFrame, steps: np.ndarray, event: str) -> Targets:
    """Return the targets in a labels table.

    A sequence without the event is censored at the last checkpoint, at which it was looked at.

    Parameters
    ----------
    labels : the labels table, n rows.
    steps : int [c], optimizer steps of the checkpoints, ascending.
    event : 'first' (the first checkpoint at which it is memorized) or 'stable' (the first from
        which it stays memorized to the end).

    Raises
    ------
    UserError
        If an event is at a step that is no checkpoint, or before the sequence's entry.

    >>> labels = pd.DataFrame({"first_step": pd.array([20, None], "Int32"), "entry": [0, 10]})
    >>> targets = targets_of(labels, np.array([10, 20, 30]), "first")
    >>> targets.time.tolist(), targets.event.tolist(), targets.entry.tolist()
    ([2, 3], [True, False], [0, 1])
    """
    column = labels[f"{event}_step"]
    happened = column.notna().to_numpy()
    step = column.fillna(0).to_numpy(dtype=np.int64)
    position = np.searchsorted(steps, step) + 1
    time = np.where(happened, position, len(steps))
    entry = np.searchsorted(steps, labels["entry"].to_numpy(dtype=np.int64), side="right")
    off_grid = happened & ~np.isin(step, steps)
    if off_grid.any():
        raise UserError(
            f"labels: {event}_step {step[off_grid][0]} is not one of the suite's {len(steps)} "
            "checkpoints; run the stage labels again for this suite"
        )
    if (happened & (time <= entry)).any():
        raise UserError(f"labels: {event}_step is not after entry; run the stage labels again")
    return Targets(time, happened, entry, len(steps))
