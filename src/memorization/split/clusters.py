"""Clusters of sequences that share text, cut where they are too large for cross-validation.

Clusters are connected components over shared runs of tokens (Lee et al. 2022, "Deduplicating
training data makes language models better", find duplicates by shared substrings in the same way).

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

from typing import Any

import numpy as np
from scipy.sparse import block_array, csr_array
from scipy.sparse.csgraph import connected_components, dijkstra

from memorization.counting.runs import run_hashes
from memorization.protocol import END_OF_TEXT

# The smaller side of a cut holds at least this share of the sequences, where one exists.
BALANCE = 0.25

# Steps of the power iteration. The order need not be exact: the best cut of it is searched.
ITERATIONS = 300


def shared_windows(
    tokens: np.ndarray, shared_tokens: int, across_documents: bool = True
) -> csr_array:
    """Return which sequence of [n, m] holds which shared run, sparse int8 0/1 [n, windows].

    A column is a run of ``shared_tokens`` (at most m) tokens that occurs in at least two sequences;
    runs that occur in one alone link nothing and are left out. Not ``across_documents``, runs that
    hold an end-of-text token are left out as well.
    """
    hashes = run_hashes(tokens, shared_tokens)
    order = np.argsort(hashes, axis=1, kind="stable")
    hashes = np.take_along_axis(hashes, order, axis=1)
    # A run that recurs within a sequence counts once.
    first = np.ones(hashes.shape, dtype=bool)
    first[:, 1:] = hashes[:, 1:] != hashes[:, :-1]
    if not across_documents:
        ends = np.cumsum(np.pad(tokens == END_OF_TEXT, ((0, 0), (1, 0))), axis=1)
        whole = ends[:, shared_tokens:] == ends[:, : hashes.shape[1]]
        first &= np.take_along_axis(whole, order, axis=1)
    row = np.broadcast_to(np.arange(len(tokens))[:, None], hashes.shape)[first]
    _, window, held_by = np.unique(hashes[first], return_inverse=True, return_counts=True)
    shared = held_by[window] > 1
    column = (np.cumsum(held_by > 1) - 1)[window[shared]]
    ones = np.ones(len(column), dtype=np.int8)
    shape = (len(tokens), int((held_by > 1).sum()))
    return csr_array((ones, (row[shared], column)), shape=shape)


def linked_clusters(windows: csr_array) -> np.ndarray:
    """Return the connected component of each row, int64 [n], numbered by first appearance.

    Rows of ``windows``, sparse [n, windows], with a common column are linked.

    >>> text = np.arange(6)
    >>> linked_clusters(shared_windows(np.stack([text, text + 50, text + 3]), shared_tokens=3))
    array([0, 1, 0])
    """
    n = windows.shape[0]
    if not windows.nnz:
        return np.arange(n)
    labels = connected_components(_graph(windows), directed=False)[1]
    return number_by_appearance(labels[:n])


def _graph(windows: csr_array) -> Any:
    """Return the graph of n sequences and then windows, with an edge where one holds the other.

    So a window that many sequences hold costs an edge for each of them, not for each pair.
    """
    return block_array([[None, windows], [windows.T, None]], format="csr")


def number_by_appearance(labels: np.ndarray) -> np.ndarray:
    """Return the labels as 0, 1, 2 ... in the order in which they first appear, int64 [n].

    >>> number_by_appearance(np.array([9, 4, 9, 7]))
    array([0, 1, 0, 2])
    """
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[inverse]


def exposed_rows(groups: np.ndarray, windows: csr_array) -> tuple[np.ndarray, int]:
    """Return which rows share a window with another group, bool [n], and how many windows do.

    Groups, int [n], are clusters or folds: an exposed row is no clean test of the others' model.
    """
    if not windows.nnz:
        return np.zeros(len(groups), dtype=bool), 0
    least, most = _least_and_most(groups, windows)
    return (windows @ (least != most).astype(np.int64)) > 0, int((least != most).sum())


def _least_and_most(values: np.ndarray, windows: csr_array) -> tuple[np.ndarray, np.ndarray]:
    """Return, for each window, the least and the greatest value of the rows that hold it."""
    by_window = windows.tocsc()
    held_by, starts = values[by_window.indices], by_window.indptr[:-1]
    return np.minimum.reduceat(held_by, starts), np.maximum.reduceat(held_by, starts)


def cut_large_clusters(
    clusters: np.ndarray, windows: csr_array, texts: np.ndarray, shares: np.ndarray, limit: float
) -> np.ndarray:
    """Return clusters whose shares keep within ``limit``, int64 [n], numbered by first appearance.

    Clusters within the limit are left as they are. A cluster of identical sequences is never cut,
    however large.

    Parameters
    ----------
    clusters : int [n], connected components of ``windows``, sparse [n, windows].
    texts : int [n], equal for identical sequences.
    shares : float [n, k], what each row contributes to k totals, such as the sample and its cases,
        each summing to 1; no cluster may hold more than ``limit`` of any.
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
    the distance to a row at the rim (one that is farthest from the first), the constant first
    eigenvector removed in each step. Rounded, so that the last bits of a sum decide nothing.
    """
    row_degree, column_degree = windows.sum(axis=1), sizes @ windows
    to_rows = windows.astype(np.float64)
    to_windows = to_rows.T.tocsr()
    stationary = sizes * row_degree / (sizes @ row_degree)
    m, graph = len(sizes), _graph(windows)
    start = np.zeros(1, dtype=np.int64)
    rim = np.argmax(dijkstra(graph, unweighted=True, indices=start)[0, :m], keepdims=True)
    x = dijkstra(graph, unweighted=True, indices=rim)[0, :m]
    for _ in range(ITERATIONS):
        x = x - stationary @ x
        x = (to_rows @ ((to_windows @ (sizes * x)) / column_degree)) / row_degree
        x = x / max(np.abs(x).max(), np.finfo(np.float64).tiny)
    return np.round(x, 9)


def _best_cut(windows: csr_array, sizes: np.ndarray, place: np.ndarray) -> int:
    """Return the place at which the second side begins.

    Of the cuts that leave each side a quarter of the sequences, or else the most even one, the one
    whose split windows are held by the fewest sequences; of equal ones the most even.
    """
    m = len(place)
    first, last = _least_and_most(place, windows)
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
