"""Cut clusters that are too large for cross-validation, where the fewest shared runs are lost.

Boilerplate chains texts together: a licence is in every file, one file shares its next lines with
another, and a component grows until it holds half of the sample. It cannot be left out of a fold in
one piece. Raising the number of tokens that must be shared would cut it everywhere at once, between
any two sequences that are offset against each other. A balanced cut loses far less: along a text
that is sampled at many offsets, it separates the beginning from the end, and only the sequences
astride the cut lose a link.

The cut is spectral: rows are ordered by the second singular vector of the normalised matrix of
sequences and windows (Dhillon 2001, "Co-clustering documents and words using bipartite spectral
graph partitioning"), and that order is cut at the place that splits the fewest windows, neither
side below a quarter. Too large parts are cut again. Identical sequences are never separated.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from memorization.split.clusters import (
    linked_clusters,
    number_by_appearance,
    sequence_window_graph,
)

# The smaller side of a cut holds at least this share of the sequences, where one exists.
BALANCE = 0.25

# Steps of the power iteration. The order need not be exact: the best cut of it is searched.
ITERATIONS = 300


def cut_large_clusters(
    clusters: np.ndarray, windows: csr_array, texts: np.ndarray, shares: np.ndarray, limit: float
) -> np.ndarray:
    """Return clusters whose shares keep within ``limit``, int64 [n], numbered by first appearance.

    Clusters within the limit are left as they are. A cluster of identical sequences is never cut,
    however large.

    Parameters
    ----------
    clusters : int [n]
        Connected components of ``windows``.
    windows : sparse [n, windows]
        From `memorization.split.clusters.shared_windows`.
    texts : int [n]
        Equal for identical sequences.
    shares : float [n, k]
        What each row contributes to k totals, such as the sample and its cases, each summing to 1.
    limit : float
        The largest share of any of the totals that a cluster may hold.
    """
    labels = np.asarray(clusters, dtype=np.int64).copy()
    waiting = list(_too_large(labels, shares, limit)) if len(labels) else []
    while waiting:
        members = np.flatnonzero(labels == waiting.pop())
        parts = _halves(windows[members], texts[members])
        if parts.any():
            labels[members] = parts + labels.max() + 1
            waiting += list(_too_large(labels[members], shares[members], limit))
    return number_by_appearance(labels)


def _too_large(labels: np.ndarray, shares: np.ndarray, limit: float) -> np.ndarray:
    held = np.column_stack([np.bincount(labels, share) for share in shares.T])
    # A cluster of exactly the limit is within it, though its sum be rounded.
    return np.flatnonzero((held > limit + 1e-9).any(axis=1))


def exposed_rows(groups: np.ndarray, windows: csr_array) -> tuple[np.ndarray, int]:
    """Return which rows share a window with another group, bool [n], and how many windows do.

    Parameters
    ----------
    groups : int [n]
        Clusters, or folds: a row that is exposed is no clean test of a model trained on the others.
    windows : sparse [n, windows]
    """
    by_window = windows.tocsc()
    if not by_window.nnz:
        return np.zeros(len(groups), dtype=bool), 0
    held_by, starts = groups[by_window.indices], by_window.indptr[:-1]
    split = np.minimum.reduceat(held_by, starts) != np.maximum.reduceat(held_by, starts)
    return (windows @ split.astype(np.int64)) > 0, int(split.sum())


def _halves(windows: csr_array, texts: np.ndarray) -> np.ndarray:
    """Return the parts into which one cluster is cut, int64 [m].

    Each side may fall into several parts that only the other side had held together.
    """
    _, first, text, sizes = np.unique(
        texts, return_index=True, return_inverse=True, return_counts=True
    )
    if len(first) == 1:
        return np.zeros(len(texts), dtype=np.int64)
    distinct = windows[first]
    distinct = distinct[:, distinct.sum(axis=0) > 0]
    place = np.empty(len(first), dtype=np.int64)
    place[np.argsort(_second_vector(distinct, sizes), kind="stable")] = np.arange(len(first))
    after = place >= _best_cut(distinct, sizes, place)
    parts = np.empty(len(first), dtype=np.int64)
    for side in (False, True):
        rows = after == side
        parts[rows] = 2 * linked_clusters(distinct[rows]) + side
    return parts[text]


def _second_vector(windows: csr_array, sizes: np.ndarray) -> np.ndarray:
    """Return a coordinate along the cluster: close rows share many windows, float [m].

    The second eigenvector of the random walk from row to window to row, by power iteration from
    the distance to a row at the rim, the constant first eigenvector removed in each step. Rounded,
    so that the last bits of a sum decide nothing.
    """
    row_degree, column_degree = windows.sum(axis=1), sizes @ windows
    to_rows = windows.astype(np.float64)
    to_windows = to_rows.T.tocsr()
    stationary = sizes * row_degree / (sizes @ row_degree)
    x = _distance_from_rim(windows)
    for _ in range(ITERATIONS):
        x = x - stationary @ x
        x = (to_rows @ ((to_windows @ (sizes * x)) / column_degree)) / row_degree
        x = x / max(np.abs(x).max(), np.finfo(np.float64).tiny)
    return np.round(x, 9)


def _distance_from_rim(windows: csr_array) -> np.ndarray:
    """Return each row's distance from a row that is farthest from the first, float [m]."""
    m = windows.shape[0]
    graph = sequence_window_graph(windows)
    start = np.zeros(1, dtype=np.int64)
    rim = np.argmax(dijkstra(graph, unweighted=True, indices=start)[0, :m], keepdims=True)
    return dijkstra(graph, unweighted=True, indices=rim)[0, :m]


def _best_cut(windows: csr_array, sizes: np.ndarray, place: np.ndarray) -> int:
    """Return the place at which the second side begins.

    Of the cuts that leave each side a quarter of the sequences, or else the most even one, the one
    whose split windows are held by the fewest sequences; of equal ones the most even.
    """
    m = len(place)
    by_window = windows.tocsc()
    places, starts = place[by_window.indices], by_window.indptr[:-1]
    first, last = np.minimum.reduceat(places, starts), np.maximum.reduceat(places, starts)
    holders = sizes @ windows
    # A window is split by every cut after its first row and not after its last.
    change = np.bincount(first + 1, holders, m + 1) - np.bincount(last + 1, holders, m + 1)
    lost = np.cumsum(change)[1:m]
    ordered = np.empty(m)
    ordered[place] = sizes
    before = np.cumsum(ordered)[:-1]
    smaller = np.minimum(before, sizes.sum() - before)
    allowed = np.flatnonzero(smaller >= min(BALANCE * sizes.sum(), smaller.max()))
    return 1 + int(allowed[np.lexsort((-smaller[allowed], lost[allowed]))[0]])
