"""Runs of tokens by their hashes: which are equal, and how often each occurs."""

from __future__ import annotations

import numpy as np

# Odd, so that it has an inverse modulo 2**64 (the golden ratio's bits: Knuth, TAOCP 3, 6.4).
BASE = 0x9E3779B97F4A7C15
MODULUS = 2**64

# Rows that are hashed at a time.
BLOCK = 2**14


def run_hashes(tokens: np.ndarray, length: int) -> np.ndarray:
    """Return a 64-bit hash of every run of ``length`` tokens of [n, m], uint64 [n, m - length + 1].

    Equal runs have equal hashes wherever they start. Different runs collide with a chance of about
    2**-64 a pair: for a million sequences, one expected collision in 30,000 analyses. A polynomial
    rolling hash (Karp & Rabin 1987) modulo 2**64 over mixed token ids, from prefix sums: the run
    from j is the difference of two prefixes, divided by BASE**j.

    >>> hashes = run_hashes(np.array([[5, 6, 7, 5, 6]]), 2)
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


def _mix(tokens: np.ndarray) -> np.ndarray:
    """Return token ids as well mixed 64-bit numbers (the finalizer of SplitMix64)."""
    x = (tokens.astype(np.uint64) + np.uint64(1)) * np.uint64(BASE)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def occurrence_counts(rows: np.ndarray, runs: np.ndarray) -> np.ndarray:
    """Return how often runs of tokens, integers [n, m], occur in rows [N, T], anywhere, int64 [n].

    >>> occurrence_counts(np.array([[5, 6, 7, 5, 6]]), np.array([[5, 6], [7, 7]])).tolist()
    [2, 0]
    """
    asked, which = np.unique(run_hashes(runs, runs.shape[1])[:, 0], return_inverse=True)
    found = np.zeros(len(asked), dtype=np.int64)
    for start in range(0, len(rows), BLOCK):
        hashes = run_hashes(rows[start : start + BLOCK], runs.shape[1]).ravel()
        place = np.minimum(np.searchsorted(asked, hashes), len(asked) - 1)
        found += np.bincount(place[asked[place] == hashes], minlength=len(asked))
    return found[which]
