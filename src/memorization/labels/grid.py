"""Which checkpoints are evaluated: all of a suite's, or a sparse grid of them."""

from __future__ import annotations

import numpy as np

from memorization.errors import UserError


def chosen_steps(steps: tuple[int, ...], spec: int | str) -> tuple[int, ...]:
    """Return the checkpoints that ``labels.checkpoints`` asks for, ascending, with the last.

    Parameters
    ----------
    steps : the suite's checkpoints, ascending.
    spec : ``all``; a number n of them, evenly spaced; ``every-K``, each K-th counted back from the
        last; ``log-N``, N of them, as near to evenly spaced on a logarithmic scale as they can be.

    Raises
    ------
    UserError
        If the suite has fewer checkpoints than asked for.

    >>> steps = (1, 2, 4, 8, 16, 32)
    >>> chosen_steps(steps, 3), chosen_steps(steps, "every-4"), chosen_steps(steps, "log-2")
    ((2, 8, 32), (2, 32), (1, 32))
    """
    if spec == "all":
        return steps
    kind, number = ("evenly", spec) if isinstance(spec, int) else str(spec).split("-")
    n = int(number)
    if not 1 <= n <= len(steps):
        raise UserError(
            f"labels.checkpoints={spec}: the suite has {len(steps)} checkpoints; the number must "
            f"be 1 to {len(steps)}"
        )
    if kind == "evenly":
        places = np.arange(1, n + 1) * len(steps) // n - 1
    elif kind == "every":
        places = np.arange(len(steps))[::-n][::-1]
    else:
        places = _logarithmic(np.array(steps), n)
    return tuple(steps[place] for place in places)


def _logarithmic(steps: np.ndarray, n: int) -> np.ndarray:
    """Return the places of n distinct steps that are nearest to n points even on a log scale."""
    logs = np.log(np.maximum(steps, 1))
    # One step alone is the last.
    points = np.linspace(logs[0], logs[-1], n) if n > 1 else logs[-1:]
    nearest = np.abs(points[:, None] - logs).argmin(axis=1)
    # Where the first steps are too far apart for so many points, the next free ones are taken.
    rank = np.arange(n)
    distinct = np.maximum.accumulate(nearest - rank) + rank
    return np.minimum(distinct, len(steps) - n + rank)
