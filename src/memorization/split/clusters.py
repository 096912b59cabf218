"""Clusters of sequences that share text: connected components over shared token windows."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse import block_array, csr_array
from scipy.sparse.csgraph import connected_components

# Odd, so that it has an inverse modulo 2**64 (the golden ratio's bits: Knuth, TAOCP 3, 6.4).
BASE = 0x9E3779B97F4A7C15
MODULUS = 2**64


def window_hashes(tokens: np.ndarray, length: int) -> np.ndarray:
    """Return a 64-bit hash of every run of ``length`` tokens, uint64 [n, m - length + 1].

    Equal runs have equal hashes wherever they start. Different runs collide with a chance of about
    2**-64 a pair: for a million sequences, one expected collision in 30,000 analyses. A polynomial
    rolling hash (Karp & Rabin 1987) modulo 2**64 over mixed token ids, from prefix sums: the run
    from j is the difference of two prefixes, divided by BASE**j.

    Parameters
    ----------
    tokens : int [n, m]
    length : int
        At most m.

    Examples
    --------
    >>> hashes = window_hashes(np.array([[5, 6, 7, 5, 6]]), 2)
    >>> bool(hashes[0, 0] == hashes[0, 3]), len(set(hashes[0].tolist()))
    (True, 3)
    """
    n, m = tokens.shape
    inverse = pow(BASE, -1, MODULUS)
    power = np.array([pow(BASE, j, MODULUS) for j in range(m)], dtype=np.uint64)
    divisor = np.array([pow(inverse, j, MODULUS) for j in range(m)], dtype=np.uint64)
    prefix = np.zeros((n, m + 1), dtype=np.uint64)
    np.cumsum(_mix(tokens) * power, axis=1, out=prefix[:, 1:])
    runs = m - length + 1
    return (prefix[:, length:] - prefix[:, :runs]) * divisor[:runs]


def shared_windows(tokens: np.ndarray, shared_tokens: int) -> csr_array:
    """Return which sequence holds which shared run, a sparse int8 0/1 matrix [n, windows].

    A column is a run of ``shared_tokens`` tokens that occurs in at least two sequences; runs that
    occur in one alone link nothing and are left out.

    Parameters
    ----------
    tokens : int [n, m]
    shared_tokens : int
        At most m.
    """
    n = len(tokens)
    hashes = np.sort(window_hashes(tokens, shared_tokens), axis=1)
    # A run that recurs within a sequence counts once.
    first = np.ones(hashes.shape, dtype=bool)
    first[:, 1:] = hashes[:, 1:] != hashes[:, :-1]
    row = np.broadcast_to(np.arange(n)[:, None], hashes.shape)[first]
    _, window, held_by = np.unique(hashes[first], return_inverse=True, return_counts=True)
    shared = held_by[window] > 1
    column = (np.cumsum(held_by > 1) - 1)[window[shared]]
    ones = np.ones(len(column), dtype=np.int8)
    return csr_array((ones, (row[shared], column)), shape=(n, int((held_by > 1).sum())))


def linked_clusters(windows: csr_array) -> np.ndarray:
    """Return the connected component of each row, int64 [n], numbered by first appearance.

    Parameters
    ----------
    windows : sparse [n, windows]
        From `shared_windows`: rows with a common column are linked.
    """
    n = windows.shape[0]
    if not windows.nnz:
        return np.arange(n)
    labels = connected_components(sequence_window_graph(windows), directed=False)[1]
    return number_by_appearance(labels[:n])


def sequence_window_graph(windows: csr_array) -> Any:
    """Return the graph with an edge between a sequence and each window that it holds, sparse.

    The first n nodes are the sequences. With the windows as nodes, one that many sequences hold
    costs an edge for each of them, not for each pair.

    Parameters
    ----------
    windows : sparse [n, windows]
    """
    return block_array([[None, windows], [windows.T, None]], format="csr")


def shared_window_clusters(tokens: np.ndarray, shared_tokens: int = 32) -> np.ndarray:
    """Return the cluster of each sequence, int64 [n], numbered by first appearance.

    Sequences that share any run of ``shared_tokens`` tokens, at whatever offsets, are in one
    cluster, directly or through others (Lee et al. 2022, "Deduplicating training data makes
    language models better", find duplicates by shared substrings in the same way).

    Parameters
    ----------
    tokens : int [n, 64]
    shared_tokens : int
        1 ... 64.

    Examples
    --------
    >>> text = np.arange(6)
    >>> shared_window_clusters(np.stack([text, text + 50, text + 3]), shared_tokens=3)
    array([0, 1, 0])
    """
    return linked_clusters(shared_windows(tokens, shared_tokens))


def number_by_appearance(labels: np.ndarray) -> np.ndarray:
    """Return the labels as 0, 1, 2 ... in the order in which they first appear, int64 [n].

    Examples
    --------
    >>> number_by_appearance(np.array([9, 4, 9, 7]))
    array([0, 1, 0, 2])
    """
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[inverse]


def _mix(tokens: np.ndarray) -> np.ndarray:
    """Return token ids as well mixed 64-bit numbers (the finalizer of SplitMix64)."""
    x = (tokens.astype(np.uint64) + np.uint64(1)) * np.uint64(BASE)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
