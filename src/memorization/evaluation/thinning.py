"""Fewer rows where cost grows out of hand with them."""

from __future__ import annotations

import numpy as np


def thinned(
    event: np.ndarray, weight: np.ndarray, largest: int | None, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return which rows to keep, ascending positions, and their weights.

    Rows with the event say most and are kept first: all of them, or as many as fill half of the
    places. Those of each kind are drawn at random and take over the weight of those of their kind
    that are left out, so that both kinds stand for as many sequences as before.

    Parameters
    ----------
    event : bool [n].
    weight : float [n].
    largest : rows to keep at most; None: all.

    >>> event, weight = np.array([True, False, False, False]), np.array([1.0, 2.0, 2.0, 2.0])
    >>> rows, kept = thinned(event, weight, 2, np.random.default_rng(0))
    >>> bool(rows[0] == 0), len(rows), kept.tolist()
    (True, 2, [1.0, 6.0])
    """
    n = len(event)
    if largest is None or n <= largest:
        return np.arange(n), weight
    n_events = min(int(event.sum()), max(largest // 2, largest - int((~event).sum())))
    kept = []
    weights = np.zeros(n)
    for kind, size in ((event, n_events), (~event, largest - n_events)):
        rows = rng.permutation(np.flatnonzero(kind))[:size]
        if len(rows):
            weights[rows] = weight[rows] * (weight[kind].sum() / weight[rows].sum())
        kept.append(rows)
    rows = np.sort(np.concatenate(kept))
    return rows, weights[rows]
