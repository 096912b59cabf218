"""Exact occurrences of many token patterns of one length in the training data, at any offset.

Every position of the data is hashed to 64 bits: a polynomial over a random table of tokens, built
by doubling (the hash of 2k tokens from the hashes of its two halves), so a length of 64 costs six
multiplications a token. Hashes only nominate. A nominated position counts once its tokens have
been compared with the pattern's, and the patterns' own hashes are made distinct by drawing another
table until they are; so no collision can change a count. Hashes of equal tokens are equal, so
nothing is missed either.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

# Tokens at a time: 2 MB of hashes, which stay in the cache. Bounds the memory for any data.
CHUNK = 2**18
VOCABULARY = 2**16


@dataclass(frozen=True)
class Occurrences:
    """Where patterns occur: entry i says that ``pattern[i]`` starts at ``offset[i]`` of ``row[i]``.

    All three are int64 [m]; ordered by row, then offset.
    """

    pattern: np.ndarray
    row: np.ndarray
    offset: np.ndarray


def row_chunks(windows: np.ndarray, tokens: int = CHUNK) -> Iterator[tuple[int, np.ndarray]]:
    """Yield (first row, rows) of about ``tokens`` tokens each, in order, as arrays in memory."""
    rows = max(1, tokens // windows.shape[1])
    for start in range(0, len(windows), rows):
        yield start, np.asarray(windows[start : start + rows])


def occurrences(windows: np.ndarray, patterns: np.ndarray) -> Iterator[Occurrences]:
    """Yield where the patterns occur, chunk by chunk of rows in order.

    Occurrences may overlap each other, and never cross rows.

    Parameters
    ----------
    windows : uint16 [N, T].
    patterns : integers in 0…65535, [m, length]; 1 ≤ length ≤ T; rows must be distinct.

    Raises
    ------
    ValueError
        If two patterns are the same, or longer than a row.
    """
    m, length = patterns.shape
    if length > windows.shape[1]:
        raise ValueError(f"patterns of {length} tokens in rows of {windows.shape[1]}")
    patterns = patterns.astype(np.uint16)
    distinct, table = _distinct(patterns)
    if len(distinct) < m:
        raise ValueError("patterns must be distinct")
    hashes = _hashes(patterns, length, table)[:, 0]
    order = np.argsort(hashes)
    hashes = hashes[order]
    # One bit of memory a possible hash prefix: it turns nearly every position away for a single
    # look-up; the survivors pay for the binary search.
    shift = np.uint64(64 - min(24, max(16, m.bit_length() + 5)))
    possible = np.zeros(2 ** (64 - int(shift)), dtype=bool)
    possible[hashes >> shift] = True
    for start, rows in row_chunks(windows):
        candidates = _hashes(rows, length, table)
        row, offset = np.nonzero(possible[candidates >> shift])
        found = candidates[row, offset]
        place = np.minimum(np.searchsorted(hashes, found), m - 1)
        nominated = hashes[place] == found
        row, offset, pattern = row[nominated], offset[nominated], order[place[nominated]]
        same = _equal(rows, row, offset, patterns[pattern])
        yield Occurrences(pattern[same], row[same] + start, offset[same])


def counts(windows: np.ndarray, patterns: np.ndarray) -> np.ndarray:
    """Return how often each pattern occurs, int64 [m]; the patterns may repeat.

    >>> rows = np.array([[7, 7, 7, 1], [7, 1, 7, 7]], dtype=np.uint16)
    >>> counts(rows, np.array([[7, 7], [7, 1], [1, 1]]))
    array([3, 2, 0])

    Parameters
    ----------
    windows : uint16 [N, T].
    patterns : integers in 0…65535, [m, length], 1 ≤ length ≤ T.
    """
    distinct, inverse = distinct_rows(patterns)
    total = np.zeros(len(distinct), dtype=np.int64)
    for found in occurrences(windows, distinct):
        total += np.bincount(found.pattern, minlength=len(distinct))
    return total[inverse]


def distinct_rows(patterns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the distinct rows, uint16, and for each row which of them it is (int64 [m]).

    >>> rows, which = distinct_rows(np.array([[3, 1], [2, 2], [3, 1]]))
    >>> np.array_equal(rows[which], [[3, 1], [2, 2], [3, 1]]), len(rows)
    (True, 2)
    """
    patterns = patterns.astype(np.uint16)
    _, table = _distinct(patterns)
    hashes = _hashes(patterns, patterns.shape[1], table)[:, 0]
    _, first, inverse = np.unique(hashes, return_index=True, return_inverse=True)
    return patterns[first], inverse


def _distinct(patterns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return one row number of each distinct pattern, and a table that hashes them apart."""
    salt = 0
    while True:
        table = _table(salt)
        hashes = _hashes(patterns, patterns.shape[1], table)[:, 0]
        order = np.argsort(hashes, kind="stable")
        hashes, ordered = hashes[order], patterns[order]
        is_new = np.ones(len(order), dtype=bool)
        is_new[1:] = hashes[1:] != hashes[:-1]
        repeats = np.flatnonzero(~is_new)
        if np.array_equal(ordered[repeats], ordered[repeats - 1]):
            return order[is_new], table
        salt += 1


def _table(salt: int) -> np.ndarray:
    """Return a random 64-bit number a token and, last, the odd multiplier of the polynomial."""
    table = np.random.default_rng(salt).integers(0, 2**64, VOCABULARY + 1, dtype=np.uint64)
    table[-1] |= np.uint64(1)
    return table


def _hashes(rows: np.ndarray, length: int, table: np.ndarray) -> np.ndarray:
    """Return the hash of every run of ``length`` tokens, uint64 [rows, T - length + 1]."""
    hashes = table[rows]
    multiplier = table[-1:]
    size = 1
    while size < length:
        # A length between two powers takes halves that overlap.
        step = min(size, length - size)
        hashes = hashes[:, :-step] * multiplier + hashes[:, step:]
        multiplier = multiplier * multiplier
        size += step
    return hashes


def _equal(
    rows: np.ndarray, row: np.ndarray, offset: np.ndarray, patterns: np.ndarray
) -> np.ndarray:
    """Return whether each pattern [m, length] really stands at its row and offset, bool [m]."""
    runs = np.lib.stride_tricks.sliding_window_view(rows, patterns.shape[1], axis=1)
    return (runs[row, offset] == patterns).all(axis=1)
