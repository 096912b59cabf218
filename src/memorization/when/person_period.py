"""The person-period table: a row for each sequence and stretch of checkpoints at risk.

With a row a checkpoint, the likelihood of a discrete-time hazard is that of a binary classifier
(Singer & Willett 1993; Tutz & Schmid 2016, "Modeling discrete time-to-event data", ch. 3). A hazard
that is constant within bins of checkpoints makes the rows of a sequence in a bin alike, so that
they are counted instead of repeated: the same likelihood, from a table smaller by the bins' width.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from memorization.study.targets import Targets


@dataclass(frozen=True)
class PersonPeriod:
    """Counted outcomes at risk.

    Attributes
    ----------
    row : int [m], position of the sequence.
    bin : int [m], bin of checkpoints, 0-based.
    event : bool [m], whether these checkpoints are an event.
    count : int [m], number of checkpoints that the row stands for.
    """

    row: np.ndarray
    bin: np.ndarray
    event: np.ndarray
    count: np.ndarray


def event_bins(targets: Targets, n_bins: int) -> np.ndarray:
    """Return the bin of each checkpoint, int [c], ascending from 0.

    The first bin is the checkpoints before any event, where there are some. The others hold about
    as many events each, so that the hazard is estimated equally well everywhere; there are fewer
    than ``n_bins`` of them where events share checkpoints.

    >>> targets = Targets(np.array([2, 4, 5, 6]), np.ones(4, bool), 8)
    >>> event_bins(targets, 2).tolist()
    [0, 1, 1, 1, 2, 2, 2, 2]
    """
    times = np.sort(targets.time[targets.event])
    if not len(times):
        return np.zeros(targets.n_times, dtype=np.int64)
    # The last checkpoint of a bin is at a quantile of the events; the last bin reaches the end.
    inner = np.arange(1, n_bins) * len(times) // n_bins
    last = np.unique(np.append(times[np.maximum(inner - 1, 0)], times[0] - 1))
    last = last[(last > 0) & (last < times[-1])]
    return np.searchsorted(last, np.arange(1, targets.n_times + 1))


def person_period(targets: Targets, bins: np.ndarray) -> PersonPeriod:
    """Return the counted person-period table of the targets.

    Every sequence has one row for each bin that it survives some checkpoints of, and one for its
    event. ``bins = arange(c)`` gives the classical table, a row a sequence and checkpoint at risk.

    Parameters
    ----------
    bins : int [c], bin of each checkpoint, ascending from 0.

    >>> targets = Targets(np.array([3, 4]), np.array([True, False]), 4)
    >>> table = person_period(targets, np.array([0, 0, 1, 1]))
    >>> np.column_stack([table.row, table.bin, table.event, table.count]).tolist()
    [[0, 0, 0, 2], [1, 0, 0, 2], [1, 1, 0, 2], [0, 1, 1, 1]]
    """
    upto = np.vstack([np.zeros(bins[-1] + 1, dtype=np.int64), _checkpoints_so_far(bins)])
    survived = upto[targets.time - targets.event]
    row, bin_ = np.nonzero(survived)
    happened = np.flatnonzero(targets.event)
    return PersonPeriod(
        np.concatenate([row, happened]),
        np.concatenate([bin_, bins[targets.time[happened] - 1]]),
        np.concatenate([np.zeros(len(row), bool), np.ones(len(happened), bool)]),
        np.concatenate([survived[row, bin_], np.ones(len(happened), np.int64)]),
    )


def exposure(targets: Targets, bins: np.ndarray, increments: np.ndarray) -> np.ndarray:
    """Return how much of each bin's cumulative hazard each sequence was at risk of, float [n, b].

    Parameters
    ----------
    bins : int [c], bin of each checkpoint, ascending from 0.
    increments : float [c], of the cumulative hazard at each checkpoint.

    >>> targets = Targets(np.array([3, 4]), np.array([True, False]), 4)
    >>> exposure(targets, np.array([0, 0, 1, 1]), np.array([1.0, 2.0, 4.0, 8.0])).tolist()
    [[3.0, 4.0], [3.0, 12.0]]
    """
    own = (bins[:, None] == np.arange(bins[-1] + 1)) * increments[:, None]
    positions = np.arange(1, targets.n_times + 1)
    return (positions <= targets.time[:, None]) @ own


def survival_of_hazard(hazard: np.ndarray, bins: np.ndarray) -> np.ndarray:
    """Return the survival at each checkpoint, float [n, c], of a hazard that is constant in bins.

    Parameters
    ----------
    hazard : float [n, b], probability of the event at a checkpoint of a bin, given none before.
    bins : int [c].

    >>> survival_of_hazard(np.array([[0.5, 0.0]]), np.array([0, 0, 1])).round(6).tolist()
    [[0.5, 0.25, 0.25]]
    """
    # A sure event has log-survival -inf, whose product with 0 checkpoints is not a number.
    logs = np.log1p(-np.minimum(hazard, 1 - 1e-15))
    return np.exp(logs @ _checkpoints_so_far(bins).T)


def _checkpoints_so_far(bins: np.ndarray) -> np.ndarray:
    """Return the number of checkpoints of each bin up to each checkpoint, int [c, b]."""
    return np.cumsum(bins[:, None] == np.arange(bins[-1] + 1), axis=0)
