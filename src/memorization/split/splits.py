"""The split of a sample: its clusters, its folds, and what they leave exposed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import csr_array

from memorization.protocol import CONTINUATION
from memorization.split.clusters import linked_clusters, number_by_appearance, shared_windows
from memorization.split.cut import cut_large_clusters, exposed_rows
from memorization.split.folds import assign_folds

SCHEMES = ("fold", "fold_continuation", "fold_random")


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
    tokens : int [n, 64]
    case : bool [n]
        Balanced over the folds.
    n_folds : int
    shared_tokens : int
        Sequences that share a run of this many tokens are linked.
    largest_cluster : float
        Clusters that hold more than this fraction of the n rows, or of the cases, are cut.
    rng : numpy.random.Generator

    Returns
    -------
    splits : DataFrame [n]
        ``cluster``; ``fold`` by cluster, the one for every headline number; ``fold_continuation``,
        which keeps only identical continuations together; ``fold_random``, which keeps nothing;
        ``exposed``, whether the row shares a window with a row of another ``fold``.
    report : dict
        Numbers only: sizes, what the cut did, and for each way of folding how many rows and cases
        are *exposed*, that is, share a window with a sequence of another fold.

    Raises
    ------
    UserError
        If there are fewer clusters than folds.
    """
    windows = shared_windows(tokens, shared_tokens)
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
    splits = pd.DataFrame({"cluster": cluster})
    for scheme, group in groups.items():
        splits[scheme] = assign_folds(group, case, n_folds, rng)
    report = {
        "clusters": _sizes(cluster, case),
        "cut": _cut_report(linked, cluster, windows, case),
        "rows": len(tokens),
        "cases": int(case.sum()),
    }
    exposed = {scheme: exposed_rows(splits[scheme].to_numpy(), windows)[0] for scheme in SCHEMES}
    for scheme in SCHEMES:
        report[scheme] = _fold_report(splits[scheme].to_numpy(), exposed[scheme], case)
    splits["exposed"] = exposed["fold"]
    return splits, report


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
        # Kish (1965): so many equal clusters of cases would carry as much information.
        "effective_with_cases": round(float(cases.sum()) ** 2 / squares, 3) if squares else 0.0,
    }


def _cut_report(
    linked: np.ndarray, cluster: np.ndarray, windows: csr_array, case: np.ndarray
) -> dict[str, int]:
    """Return what was cut, and how many rows still share a window with another cluster."""
    exposed, split_windows = exposed_rows(cluster, windows)
    before = np.unique(linked[exposed]) if exposed.any() else np.empty(0)
    return {
        "clusters_cut": len(before),
        "largest_before": int(np.bincount(linked).max()),
        "windows_shared": int(windows.shape[1]),
        "windows_split": split_windows,
        "exposed": int(exposed.sum()),
        "exposed_cases": int((exposed & case).sum()),
    }


def _fold_report(fold: np.ndarray, exposed: np.ndarray, case: np.ndarray) -> dict[str, int]:
    rows, cases = np.bincount(fold), np.bincount(fold, weights=case)
    return {
        "smallest": int(rows.min()),
        "largest": int(rows.max()),
        "fewest_cases": int(cases.min()),
        "most_cases": int(cases.max()),
        "exposed": int(exposed.sum()),
        "exposed_cases": int((exposed & case).sum()),
    }
