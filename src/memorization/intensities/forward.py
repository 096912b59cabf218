"""From the chances of each transition to the probability of each state."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, fields

import numpy as np
import pandas as pd

from memorization.intensities.transitions import AGES, TRANSITIONS, age_of
from memorization.study import Histories

# Checkpoints in a state that are told apart; the last place holds all longer times, from where on a
# chance does not change.
LONGEST = int(AGES[-1])

# Sequences that are forecast at a time, which bounds the memory.
BLOCK = 2_000


@dataclass(frozen=True)
class Forecast:
    """What is expected of n sequences at each of c checkpoints; NaN: the model does not say.

    Attributes
    ----------
    survival : float64 [n, c], probability of no onset so far.
    memorized : float64 [n, c], probability of being memorized.
    durable : float64 [n, c], probability of being memorized from this checkpoint to the last.
    switches : float64 [n, c], expected number of onsets and losses so far.
    """

    survival: np.ndarray
    memorized: np.ndarray
    durable: np.ndarray
    switches: np.ndarray

    @classmethod
    def of(cls, survival: np.ndarray, memorized: np.ndarray | None = None) -> Forecast:
        """Return the forecast of a model that says no more than this."""
        unsaid = np.full(survival.shape, np.nan)
        return cls(survival, unsaid if memorized is None else memorized, unsaid, unsaid)

    @classmethod
    def joined(cls, parts: Iterable[Forecast]) -> Forecast:
        """Return the forecast of the sequences of several, one after another."""
        return cls(*np.concatenate([part.curves for part in parts]).swapaxes(0, 1))

    @property
    def curves(self) -> np.ndarray:
        """All of it, float64 [n, 4, c], in the order of the attributes."""
        return np.stack([getattr(self, field.name) for field in fields(self)], axis=1)


@dataclass(frozen=True)
class Place:
    """Where n sequences are: the probability of each state, by checkpoints in it.

    Attributes
    ----------
    never : float64 [n], not memorized yet.
    on, off : float64 [n, LONGEST], memorized, and no longer so, for 1, 2, … checkpoints.
    """

    never: np.ndarray
    on: np.ndarray
    off: np.ndarray

    @classmethod
    def start(cls, n: int) -> Place:
        """Return where all are before the training: nothing is memorized."""
        return cls(np.ones(n), np.zeros((n, LONGEST)), np.zeros((n, LONGEST)))

    @classmethod
    def known(cls, memorized: np.ndarray) -> Place:
        """Return where they are after the checkpoints of some states, bool [n, c], c ≥ 1.

        >>> place = Place.known(np.array([[True, True], [False, False], [True, False]]))
        >>> place.never.tolist(), np.argwhere(place.on).tolist(), np.argwhere(place.off).tolist()
        ([0.0, 1.0, 0.0], [[0, 1]], [[2, 0]])
        """
        c = memorized.shape[1]
        now, ever = memorized[:, -1], memorized.any(axis=1)
        changed = memorized[:, ::-1] != now[:, None]
        since = np.where(changed.any(axis=1), changed.argmax(axis=1), c)
        at = np.minimum(since, LONGEST)[:, None] - 1 == np.arange(LONGEST)
        on, off = (at & who[:, None] for who in (now, ever & ~now))
        return cls((~ever).astype(float), on.astype(float), off.astype(float))


def forward(
    first: np.ndarray, again: np.ndarray, loss: np.ndarray, place: Place | None = None
) -> Forecast:
    """Return the forecast of chances from checkpoint to checkpoint, by recursion.

    Exact: the probability of each state and time in it is carried along.

    Parameters
    ----------
    first : float64 [n, c], chance of the first onset at a checkpoint, given none before.
    again, loss : float64 [n, c, len(AGES)], of the onset of what was memorized, and of the loss, by
        how long it has been so.
    place : where the sequences are before the first of the checkpoints; None: at the start.

    >>> half = np.full((1, 2, len(AGES)), 0.5)
    >>> found = forward(np.array([[0.5, 0.0]]), half, half)
    >>> found.survival.tolist(), found.memorized.tolist()
    ([[0.5, 0.5]], [[0.5, 0.25]])
    >>> found.durable.tolist(), found.switches.tolist()
    ([[0.25, 0.25]], [[0.5, 0.75]])
    """
    n, c = first.shape
    place = place or Place.start(n)
    never, on, off = place.never, place.on, place.off
    # The chance of each time in a state is that of its bin.
    bins = age_of(np.arange(1, LONGEST + 1))
    survival, memorized, switches = np.empty((3, n, c))
    held = np.empty((c, n, LONGEST))
    total = np.zeros(n)
    for at in range(c):
        onset = never * first[:, at]
        back = off * again[:, at, bins]
        lost = on * loss[:, at, bins]
        never = never - onset
        onset = onset + back.sum(axis=1)
        gone = lost.sum(axis=1)
        on = held[at] = _older(on - lost, onset)
        off = _older(off - back, gone)
        total = total + onset + gone
        survival[:, at], memorized[:, at], switches[:, at] = never, on.sum(axis=1), total
    # Backwards: the chance to stay memorized to the end, by how long one has been so.
    durable = np.empty((n, c))
    stays = np.ones((n, LONGEST))
    for at in range(c - 1, -1, -1):
        durable[:, at] = (held[at] * stays).sum(axis=1)
        stays = (1 - loss[:, at, bins]) * np.hstack([stays[:, 1:], stays[:, -1:]])
    return Forecast(survival, memorized, durable, switches)


def _older(mass: np.ndarray, new: np.ndarray) -> np.ndarray:
    """Return the probabilities one checkpoint later, with those that have just begun."""
    older = np.empty_like(mass)
    older[:, 0], older[:, 1:] = new, mass[:, :-1]
    older[:, -1] += mass[:, -1]
    return older


class Intensities(ABC):
    """Fitted chances of the first onset, of onset again and of loss, at each checkpoint."""

    @abstractmethod
    def chances(self, features: pd.DataFrame, histories: Histories) -> dict[str, np.ndarray]:
        """Return transition -> its chance at each checkpoint by time in the state.

        float64 [n, c, len(AGES)] each, but [n, c, 1] of the first onset. Of the histories the
        exposures, their checkpoints and the first evaluations are used, never the states.
        """

    def forecast(
        self,
        histories: Histories,
        features: pd.DataFrame | None = None,
        known: np.ndarray | None = None,
    ) -> Forecast:
        """Return what is expected of sequences, given when they will be seen.

        Parameters
        ----------
        features : a row for each; None, of intensities that know nothing of the text.
        known : bool [n, s], their states at the first s checkpoints, from where the forecast goes
            on with those after them; None: it is made before training.
        """
        start = 0 if known is None else known.shape[1]
        features = pd.DataFrame(index=range(len(histories))) if features is None else features
        parts = []
        for begin in range(0, max(len(histories), 1), BLOCK):
            rows = np.arange(begin, min(begin + BLOCK, len(histories)))
            own = histories.take(rows)
            chances = self.chances(features.iloc[rows], own)
            # What was not looked at could not be found memorized.
            first, again, loss = (chances[name] * own.observed[:, :, None] for name in TRANSITIONS)
            place = None if known is None else Place.known(known[rows])
            parts.append(forward(first[:, start:, 0], again[:, start:], loss[:, start:], place))
        return Forecast.joined(parts)
