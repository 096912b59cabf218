"""The cluster bootstrap where the multiplicities of all replicates would not fit into memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from memorization.evaluation.bootstrap import BLOCK, cluster_multiplicities


def resample(
    statistic: Callable[[np.ndarray], Any],
    weight: np.ndarray,
    clusters: np.ndarray,
    replicates: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """Return a statistic's value in every replicate, float [replicates, ...].

    As `memorization.evaluation.bootstrap.replicate`, but the multiplicities are drawn a block at a
    time and forgotten, so that a million rows need no more memory than a thousand.

    Parameters
    ----------
    statistic : ``statistic(weight) -> values``, vectorised over the leading axis of the weight.
    weight : float [n], population sequences that a row stands for.
    clusters : int [n], resampled whole.
    replicates : number of resamples.

    Examples
    --------
    >>> rng, ones = np.random.default_rng(0), np.ones(3)
    >>> totals = resample(lambda w: w.sum(axis=-1), ones, np.array([7, 7, 7]), 4, rng)
    >>> totals.tolist()
    [3.0, 3.0, 3.0, 3.0]
    """
    # Numbered from 0, which makes the repeated numbering below cheap.
    _, clusters = np.unique(clusters, return_inverse=True)
    size = max(1, BLOCK // max(len(clusters), 1))
    parts = []
    for start in range(0, replicates, size):
        drawn = cluster_multiplicities(clusters, min(size, replicates - start), rng)
        parts.append(np.asarray(statistic(drawn * weight)))
    return np.concatenate(parts)
