"""When each copy of the randomised arm is trained on, and which two share a window."""

from __future__ import annotations

import numpy as np

from memorization.errors import UserError

# Copies of the early and of the late schedule lie in this first or last part of training.
PART = 5


def copy_times(
    schedule: np.ndarray, rank: np.ndarray, dose: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Return when each copy is due, as a fraction of training, float64 [c] in [0, 1).

    ``early`` is uniform within the first fifth, ``late`` within the last, ``even`` equally spaced
    with a random phase for each unit; any other schedule is uniform over all of training.

    Parameters
    ----------
    schedule : str [c], that of the copy's unit.
    rank, dose : int64 [c], which of its unit's copies it is, from 0, and how many there are.
    """
    time = rng.random(len(schedule))
    time = np.where(schedule == "early", time / PART, time)
    time = np.where(schedule == "late", 1 - (1 - time) / PART, time)
    # The first copy's draw is the phase of all.
    phase = time[np.arange(len(time)) - rank]
    return np.where(schedule == "even", (rank + phase) / np.maximum(dose, 1), time)


def paired(unit: np.ndarray, time: np.ndarray) -> np.ndarray:
    """Return which two copies share each window, int64 [c / 2, 2], in the order of their times.

    Neighbours in time share a window; where they are of one unit, the second changes places with
    the nearest copy that parts them.

    Raises
    ------
    UserError
        If copies of one unit are so many that some must share a window.
    """
    order = np.argsort(time, kind="stable")
    for at in np.flatnonzero(unit[order[0::2]] == unit[order[1::2]]).tolist():
        first, second = order[2 * at : 2 * at + 2]
        if unit[first] != unit[second]:
            continue  # an exchange before has parted them
        other = unit[order] != unit[first]
        # The partner that each copy's window would be left with.
        partner = unit[order.reshape(-1, 2)[:, ::-1].ravel()]
        able = np.flatnonzero(other & (partner != unit[second]))
        if not len(able):
            raise UserError(
                "arm.doses: so many copies are of one unit that two must share a window; lower "
                "the largest dose or use more blocks"
            )
        near = able[np.argmin(np.abs(able - 2 * at))]
        order[[2 * at + 1, near]] = order[[near, 2 * at + 1]]
    return order.reshape(-1, 2)


def window_positions(
    pairs: np.ndarray, time: np.ndarray, schedule: np.ndarray, n: int
) -> np.ndarray:
    """Return where in the training order each window of the arm goes, int64 [w], ascending.

    Each goes where the first of its copies is due or, if that is taken, right after; no window
    with an early or a late copy leaves its fifth.

    Parameters
    ----------
    pairs : as from `paired`.
    time, schedule : float64 [c] and str [c], of the copies.
    n : windows of the whole training.

    Raises
    ------
    UserError
        If training is too short for so many copies.
    """
    rank = np.arange(len(pairs))
    low = np.where((schedule[pairs] == "late").any(axis=1), n - n // PART, 0)
    high = np.where((schedule[pairs] == "early").any(axis=1), n // PART, n) - 1
    due = np.maximum((time[pairs].min(axis=1) * n).astype(np.int64), low)
    # The first place free after the one before, then no later than those to come leave room for.
    place = np.maximum.accumulate(due - rank) + rank
    latest = np.minimum.accumulate((high - rank)[::-1])[::-1] + rank
    place = np.minimum(place, latest)
    if len(place) and (place < low).any():
        raise UserError(
            f"arm: {len(pairs):,} windows with copies do not fit into a training of {n:,} "
            "windows; lower arm.blocks or arm.doses, or train for more steps"
        )
    return place
