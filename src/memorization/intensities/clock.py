"""Exposure as the clock: what changes of a sequence, from checkpoint to checkpoint."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from memorization.study import Histories

# The covariates that tell of exposures; those after it are of time alone.
EXPOSURE = ("seen", "newly_seen", "since_seen", "never_seen")


def clock(histories: Histories) -> dict[str, np.ndarray]:
    """Return name -> the covariate at each checkpoint, float64 [n, c] each.

    ``seen``: log2 of 1 + the exposures so far; ``newly_seen``: of 1 + those since the checkpoint
    before; ``since_seen``: of 1 + how long ago the last one was, in checkpoints, to the checkpoint
    (0: since the last one); ``never_seen``: 1 before the first. They are missing where exposures
    are not known. ``first_look``: 1 at a sequence's first evaluation, where some are first looked
    at late: what may have happened at any time before shows there. ``fraction``: of the training
    that is over. All are known before training, if the data and their order are.

    >>> seen = np.array([[0, 2, 2, 3]])
    >>> looked = np.ones((1, 4), bool)
    >>> found = clock(Histories(~looked, looked, np.array([10, 20, 30, 40]), seen))
    >>> [found[name].round(2).tolist()[0] for name in EXPOSURE]
    [[0.0, 1.58, 1.58, 2.0], [0.0, 1.58, 0.0, 1.0], [0.0, 0.0, 1.0, 0.0], [1.0, 0.0, 0.0, 0.0]]
    """
    steps, observed = histories.steps, histories.observed
    found: dict[str, np.ndarray] = {}
    if histories.seen is not None:
        seen = histories.seen.astype(np.float64)
        new = np.diff(seen, axis=1, prepend=0.0)
        found["seen"] = np.log2(1 + seen)
        found["newly_seen"] = np.log2(1 + new)
        found["since_seen"] = np.where(seen > 0, np.log2(1 + since_seen(histories)), 0.0)
        found["never_seen"] = (seen == 0).astype(np.float64)
    if not observed.all():
        found["first_look"] = np.diff(observed, axis=1, prepend=False).astype(np.float64)
    fraction = steps / steps[-1]
    found["fraction"] = np.broadcast_to(fraction, histories.memorized.shape)
    return found


def since_seen(histories: Histories) -> np.ndarray:
    """Return how many checkpoints ago a sequence was last met, int [n, c]; its place, if never."""
    assert histories.seen is not None
    place = np.arange(1, len(histories.steps) + 1)
    new = np.diff(histories.seen, axis=1, prepend=0)
    return place - np.maximum.accumulate(np.where(new > 0, place, 0), axis=1)


def clock_of(histories: Histories, terms: Sequence[str]) -> list[np.ndarray]:
    """Return the covariates of these names, float64 [n, c] each; others are left out.

    Raises
    ------
    ValueError
        If exposures are asked for and not known.
    """
    found = clock(histories)
    if histories.seen is None and set(terms) & set(EXPOSURE):
        raise ValueError("exposures are not known, on which these intensities depend")
    # Where all were looked at from the start, no look is late.
    return [found.get(name, np.zeros(histories.memorized.shape)) for name in terms]


def reached(steps: np.ndarray, percent: int) -> int:
    """Return the position, from 0, of the first checkpoint that has reached a part of training."""
    return int(np.searchsorted(steps, steps[-1] * percent / 100))


def planned(schedules: Sequence[np.ndarray], steps: np.ndarray) -> Histories:
    """Return the histories of texts that are shown at some steps, before it is known what comes.

    >>> planned([np.array([3, 10, 11]), np.array([])], np.array([10, 20])).seen.tolist()
    [[2, 3], [0, 0]]
    """
    seen = np.array(
        [np.searchsorted(np.sort(own), steps, side="right") for own in schedules], dtype=np.int64
    ).reshape(len(schedules), len(steps))
    nothing = np.zeros(seen.shape, bool)
    return Histories(nothing, ~nothing, np.asarray(steps), seen)
