"""Who could make which transition at which checkpoint, and who did."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import logit

from memorization.study import Histories

TRANSITIONS = ("first", "again", "loss")
# Checkpoints in a state, from which a chance to leave it is one number up to the next of these.
AGES = np.array([1, 2, 3, 5, 9, 17])
# Fewer events, or fewer others, give a rate, not a regression.
FEWEST = 10
# Between fewer looks than this memory may well go and come back unseen: how long it lasts, and
# what brings it back, cannot be told from them.
FEW_CHECKPOINTS = 20


@dataclass(frozen=True)
class Periods:
    """The person-period table of one transition: m times that a sequence could make it.

    Attributes
    ----------
    row, at : int [m], position of the sequence, and of the checkpoint, 0-based.
    age : int [m], how long it has been in its state, as the position in `AGES`; 0 before the first
        onset.
    event : bool [m], whether it made the transition, by this checkpoint.
    """

    row: np.ndarray
    at: np.ndarray
    age: np.ndarray
    event: np.ndarray

    @property
    def are_few(self) -> bool:
        """Whether there are too few events, or others, for a regression."""
        events = int(self.event.sum())
        return min(events, len(self.event) - events) < FEWEST

    def log_odds(self, weight: np.ndarray) -> float:
        """Return the log-odds of the event, of rows with a weight, float [m]; always finite."""
        return float(logit((weight @ self.event + 0.5) / (weight.sum() + 1)))

    def take(self, kept: np.ndarray) -> Periods:
        """Return some of the rows (a mask or positions)."""
        return Periods(self.row[kept], self.at[kept], self.age[kept], self.event[kept])


def age_of(checkpoints: np.ndarray) -> np.ndarray:
    """Return the position in `AGES` of so many checkpoints in a state, 1 or more.

    >>> age_of(np.array([1, 4, 17, 90])).tolist()
    [0, 2, 5, 5]
    """
    return np.searchsorted(AGES, checkpoints, side="right") - 1


def transitions(histories: Histories) -> dict[str, Periods]:
    """Return the person-period table of each of `TRANSITIONS`.

    Before its first evaluation a sequence counts as never memorized: if it is memorized there, that
    is its first onset, and how long it has been so is counted from there.

    >>> memorized = np.array([[0, 1, 1, 0, 1]], bool)
    >>> histories = Histories(memorized, np.ones((1, 5), bool), np.arange(1, 6), None)
    >>> {name: list(zip(p.at.tolist(), p.age.tolist(), p.event.tolist()))
    ...  for name, p in transitions(histories).items()}  # doctest: +NORMALIZE_WHITESPACE
    {'first': [(0, 0, False), (1, 0, True)], 'again': [(4, 0, True)],
     'loss': [(2, 0, False), (3, 1, True)]}
    """
    memorized = histories.memorized
    n, c = memorized.shape
    before = np.hstack([np.zeros((n, 1), bool), memorized[:, :-1]])
    ever = np.maximum.accumulate(before, axis=1)
    age = np.ones((n, c), np.int64)
    for j in range(1, c):
        age[:, j] += np.where(before[:, j] == before[:, j - 1], age[:, j - 1], 0)
    state = {"first": ~ever, "again": ever & ~before, "loss": before}
    found = {}
    for name, could in state.items():
        row, at = np.nonzero(could & histories.observed)
        in_state = age_of(age[row, at]) if name != "first" else np.zeros(len(row), np.int64)
        found[name] = Periods(row, at, in_state, (memorized != before)[row, at])
    return found


def thinned(periods: Periods, largest: int, rng: np.random.Generator) -> tuple[Periods, float]:
    """Return a table of so many rows at most, events first, and by how much the log-odds of what
    is fitted to it are too high.

    Leaving out rows with the event, or without it, at random multiplies the odds of all that are
    left by one number, which is the offset (King & Zeng 2001, "Logistic regression in rare events
    data"). Events fill half of the table at most where there are others enough.
    """
    kinds = np.flatnonzero(~periods.event), np.flatnonzero(periods.event)
    n_others, n_events = map(len, kinds)
    others = min(n_others, max(largest - n_events, largest // 2))
    sizes = others, min(n_events, largest - others)
    kept, shift = [], 0.0
    for rows, size, sign in zip(kinds, sizes, (-1, 1), strict=True):
        if size < len(rows):
            shift += sign * float(np.log(size / len(rows)))
            rows = rng.permutation(rows)[:size]
        kept.append(rows)
    return periods.take(np.sort(np.concatenate(kept))), shift
