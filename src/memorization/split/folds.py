"""Cross-validation folds that keep clusters whole, and a report of what they leave exposed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from memorization.errors import UserError
from memorization.protocol import CONTINUATION
from memorization.split.clusters import (
    cut_large_clusters,
    exposed_rows,
    linked_clusters,
    number_by_appearance,
    shared_windows,
)


def split_sequences(
    tokens: np.ndarray,
    case: np.ndarray,
    n_folds: int,
    shared_tokens: int,
    largest_cluster: float,
    rng: np.random.Generator,
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Return the clusters and folds of each sequence, and a report.

    Parameters
    ----------
    tokens : int [n, 64].
    case : bool [n], balanced over the folds.
    shared_tokens : sequences that share a run of this many tokens are linked.
    largest_cluster : clusters with more than this fraction of the n rows, or of the cases, are cut.

    Returns
    -------
    splits : n rows: ``cluster``; ``fold`` by cluster, the one for every headline number;
        ``fold_continuation``, which keeps only identical continuations together; ``fold_random``,
        which keeps nothing; ``exposed``, whether the row shares a window with a row of another
        ``fold``.
    report : sizes, what the cut did, and for each way of folding how many rows and cases are
        *exposed*, that is, share a window with a sequence of another fold.

    Raises
    ------
    UserError
        If there are fewer clusters than folds.
    """
    windows = shared_windows(tokens, shared_tokens)
    apart = linked_clusters(shared_windows(tokens, shared_tokens, across_documents=False))
    texts = np.unique(tokens, axis=0, return_inverse=True)[1]
    continuations = np.unique(tokens[:, -CONTINUATION:], axis=0, return_inverse=True)[1]
    linked = linked_clusters(windows)
    shares = np.column_stack([np.ones(len(tokens)), case])
    shares /= np.maximum(shares.sum(axis=0), 1)
    cluster = cut_large_clusters(linked, windows, texts, shares, largest_cluster)
    groups = {
        "fold": cluster,
        "fold_continuation": number_by_appearance(continuations),
        "fold_random": np.arange(len(tokens)),
    }
    folds = {name: assign_folds(group, case, n_folds, rng) for name, group in groups.items()}
    exposed = {name: exposed_rows(fold, windows)[0] for name, fold in folds.items()}
    splits = pd.DataFrame({"cluster": cluster} | folds | {"exposed": exposed["fold"]})
    parted, windows_split = exposed_rows(cluster, windows)
    cut = {
        "clusters_cut": len(np.unique(linked[parted])),
        "largest_before": int(np.bincount(linked).max()),
        "windows_shared": int(windows.shape[1]),
        "windows_split": windows_split,
    }
    report = {
        "rows": len(tokens),
        "cases": int(case.sum()),
        "clusters": _sizes(cluster, case),
        "clusters_before_cut": _sizes(linked, case),
        # If runs that hold the end of a document linked nothing.
        "clusters_within_documents": _sizes(apart, case),
        "cut": cut | _exposed(parted, case),
    }
    of_folds = {name: _balance(folds[name], case) | _exposed(exposed[name], case) for name in folds}
    return splits, report | of_folds


def assign_folds(
    clusters: np.ndarray, stratum: np.ndarray, n_folds: int, rng: np.random.Generator
) -> np.ndarray:
    """Return the fold of each row, int32 [n]; no cluster is in two folds.

    Greedy, largest first: each cluster goes to the fold that keeps the sum of squared shares of
    cases and of others smallest; clusters of one row, which are most, are dealt last and at once.

    Parameters
    ----------
    clusters : int [n].
    stratum : bool [n], the cases; they and the others are balanced each on their own.
    rng : decides ties.

    Raises
    ------
    UserError
        If there are fewer clusters than folds.

    >>> clusters, case = np.array([0, 0, 0, 1, 2, 3]), np.array([1, 1, 0, 1, 1, 0], dtype=bool)
    >>> folds = assign_folds(clusters, case, 2, np.random.default_rng(0))
    >>> bool(folds[0] == folds[1] == folds[2] != folds[3] == folds[4])
    True
    """
    names, member_of, sizes = np.unique(clusters, return_inverse=True, return_counts=True)
    if len(names) < n_folds:
        raise UserError(
            f"split.folds={n_folds}: the sample falls into {len(names)} clusters, and a cluster is "
            "never divided; use fewer folds, or study more sequences"
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
        # Fold f offers places of height taken[f], taken[f] + 1 ...; the lowest are used.
        heights = (taken + np.arange(len(single))[:, None]).ravel()
        fold_of[single] = np.argsort(heights, kind="stable")[: len(single)] % n_folds
    # The first folds win ties, so which ones those are is drawn.
    return rng.permutation(n_folds).astype(np.int32)[fold_of[member_of]]


def _sizes(cluster: np.ndarray, case: np.ndarray) -> dict[str, float]:
    """Return how many clusters there are, how large, and how many the cases really amount to."""
    size, cases = np.bincount(cluster), np.bincount(cluster, weights=case)
    squares = float((cases**2).sum())
    return {
        "count": len(size),
        "single": int((size == 1).sum()),
        "with_cases": int((cases > 0).sum()),
        "largest": int(size.max()),
        "largest_cases": int(cases.max()),
        "largest_share_of_cases": round(float(cases.max() / max(cases.sum(), 1)), 4),
        # Kish (1965): so many equal clusters of cases would carry as much information.
        "effective_with_cases": round(float(cases.sum()) ** 2 / squares, 3) if squares else 0.0,
    }


def _balance(fold: np.ndarray, case: np.ndarray) -> dict[str, int]:
    rows, cases = np.bincount(fold), np.bincount(fold, weights=case)
    return {
        "smallest": int(rows.min()),
        "largest": int(rows.max()),
        "fewest_cases": int(cases.min()),
        "most_cases": int(cases.max()),
    }


def _exposed(exposed: np.ndarray, case: np.ndarray) -> dict[str, int]:
    return {"exposed": int(exposed.sum()), "exposed_cases": int((exposed & case).sum())}
