"""Cross-validation folds that keep clusters whole and balance rows and cases."""

from __future__ import annotations

import numpy as np

from memorization.errors import UserError


def assign_folds(
    clusters: np.ndarray, stratum: np.ndarray, n_folds: int, rng: np.random.Generator
) -> np.ndarray:
    """Return the fold of each row, int32 [n]; no cluster is in two folds.

    Greedy, largest first: each cluster goes to the fold that keeps the sum of squared shares of
    cases and of others smallest; clusters of one row, which are most, are dealt last and at once.

    Parameters
    ----------
    clusters : int [n]
    stratum : bool [n]
        The cases; they and the others are balanced each on their own.
    n_folds : int
    rng : numpy.random.Generator
        Decides ties.

    Raises
    ------
    UserError
        If there are fewer clusters than folds.

    Examples
    --------
    >>> clusters, case = np.array([0, 0, 0, 1, 2, 3]), np.array([1, 1, 0, 1, 1, 0], dtype=bool)
    >>> folds = assign_folds(clusters, case, 2, np.random.default_rng(0))
    >>> bool(folds[0] == folds[1] == folds[2] != folds[3] == folds[4])
    True
    """
    names, member_of, sizes = np.unique(clusters, return_inverse=True, return_counts=True)
    if len(names) < n_folds:
        raise UserError(
            f"split.folds={n_folds}: the sample falls into {len(names)} clusters, and a cluster is "
            "never divided; use fewer folds or a larger sample (sequences.cohort)"
        )
    cases = np.bincount(member_of, weights=stratum, minlength=len(names))
    counts = np.stack([cases, sizes - cases], axis=1)
    shares = counts / np.maximum(counts.sum(axis=0), 1)
    # Equal clusters are taken in random order, since a stable sort keeps the order of a shuffle.
    shuffled = rng.permutation(len(names))
    order = shuffled[np.argsort(-shares[shuffled].max(axis=1), kind="stable")]
    fold_of = np.zeros(len(names), dtype=np.int32)
    load = np.zeros((n_folds, 2))
    for cluster in order[sizes[order] > 1]:
        # The sum of squares grows least in the fold whose load has the smallest product with it.
        fold = np.argmin(load @ shares[cluster])
        fold_of[cluster] = fold
        load[fold] += shares[cluster]
    whole = sizes > 1
    for k in (0, 1):
        taken = np.bincount(fold_of[whole], counts[whole, k], n_folds)
        single = order[(sizes[order] == 1) & (counts[order, k] == 1)]
        fold_of[single] = _lowest_slots(taken, len(single))
    # The first folds win ties, so which ones those are is drawn.
    return rng.permutation(n_folds).astype(np.int32)[fold_of[member_of]]


def _lowest_slots(taken: np.ndarray, count: int) -> np.ndarray:
    """Return the fold of each of ``count`` equal rows, dealt so as to level what is taken."""
    # Fold f offers places of height taken[f], taken[f] + 1 ...; the lowest are used.
    heights = (taken + np.arange(count)[:, None]).ravel()
    return np.argsort(heights, kind="stable")[:count] % len(taken)
