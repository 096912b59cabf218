"""Where the training data hold copies of a sequence: whole ones, and rows that nearly hold it.

`occurrences` says where the data hold whole sequences, and `documents` in which documents.

`NearDuplicates` counts rows by shared 5-grams. A row nearly holds a sequence when it has at least a
given share of the sequence's distinct 5-grams, wherever and in whatever order. (Lee et al. 2022
estimate the like by MinHash, the Jaccard similarity of the 5-grams of whole documents; a row may be
much longer than the sequence, so the share here is of the sequence's.) Nothing is estimated. A row
that has m of M of them lacks M - m, so it has at least one of any M - m + 1: the rarest are taken,
which few rows have (the prefix filter of Chaudhuri et al. 2006), and the rows that have one are
checked in full.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass

import numpy as np

from memorization.counting.ngram_index import KeyTable, Matches, NgramIndex, pair, row_blocks
from memorization.protocol import END_OF_TEXT, SEQUENCE

SHINGLE = 5
# Half and four fifths of its 5-grams: a variant, and a copy with a few words changed.
THRESHOLDS = (0.5, 0.8)

# Pairs of a sequence and a row that are listed, and that are checked, at a time.
_LISTED = 2**21
_CHECKED = 2**12
_NONE = 2**32 - 1


class NearDuplicates:
    """Counts the rows that nearly hold each sequence, block by block.

    Of an index with n-grams of 5 tokens; ``counts``, integers [n, 60], are how often each occurs,
    to tell the rare ones: only the cost depends on them.

    Attributes
    ----------
    total : share -> int64 [different sequences], the rows so far that hold it.
    """

    def __init__(self, index: NgramIndex, counts: np.ndarray) -> None:
        """Choose each different sequence's rarest 5-grams."""
        # Equal sequences are asked about once.
        _, first, self._which = np.unique(
            index.slot[SEQUENCE][:, 0], return_index=True, return_inverse=True
        )
        self._shingles, counts = _distinct(index.slot[SHINGLE][first], counts[first])
        held = (self._shingles != _NONE).sum(axis=1)
        self._needed = {share: np.ceil(share * held - 1e-9) for share in THRESHOLDS}
        self.total = {share: np.zeros(len(first), dtype=np.int64) for share in THRESHOLDS}
        n_rare = held - self._needed[min(THRESHOLDS)] + 1
        order = np.argsort(counts, axis=1, kind="stable")
        asked, rank = np.nonzero(np.arange(order.shape[1]) < n_rare[:, None])
        slot = self._shingles[asked, order[asked, rank]]
        # The sequences for which each 5-gram is one of the rarest, side by side.
        self._degree = np.bincount(slot, minlength=index.slots[SHINGLE])
        self._start = np.cumsum(self._degree) - self._degree
        self._asked = asked[np.argsort(slot, kind="stable")]

    def visit(self, block: np.ndarray, matches: Matches) -> None:
        """Count the rows of a block, uint16 [R, T], with its matches of 5 tokens."""
        rare = self._degree.take(matches.slot) > 0
        row = matches.row
        is_listed = np.zeros(len(block), dtype=bool)
        is_listed[row[rare]] = True
        listed = is_listed[row]
        held = KeyTable(pair(row[listed], matches.slot[listed]))
        rare_keys = np.unique(pair(row[rare], matches.slot[rare]))
        row, slot = (rare_keys >> np.uint64(32)).astype(np.int64), rare_keys & np.uint64(_NONE)
        degree = self._degree[slot.astype(np.int64)]
        start = self._start[slot.astype(np.int64)]
        # Cut between rows, so that no pair of a sequence and a row is checked in two pieces.
        piece = (np.cumsum(degree) - degree) // _LISTED
        piece = piece[np.searchsorted(row, row)]
        for number in np.unique(piece):
            part = piece == number
            asked = self._asked[_ranges(start[part], degree[part])]
            pairs = np.unique(pair(asked, np.repeat(row[part], degree[part])))
            for first in range(0, len(pairs), _CHECKED):
                self._check(pairs[first : first + _CHECKED], held)

    def afresh(self) -> NearDuplicates:
        """Return one that asks the same, and has seen no row."""
        found = copy(self)
        found.total = {share: np.zeros_like(total) for share, total in self.total.items()}
        return found

    def add(self, total: Mapping[float, np.ndarray]) -> None:
        """Count rows that another has seen."""
        for share, n in total.items():
            self.total[share] += n

    def elsewhere(self, rows: np.ndarray) -> dict[float, np.ndarray]:
        """Return how many rows besides its own nearly hold each sequence: share -> int64 [n].

        ``rows``, int64 [n], are the sequences' own, -1 for none.
        """
        return {share: total[self._which] - (rows >= 0) for share, total in self.total.items()}

    def _check(self, pairs: np.ndarray, held: KeyTable) -> None:
        asked = (pairs >> np.uint64(32)).astype(np.int64)
        shingles = self._shingles[asked]
        row = np.repeat(pairs & np.uint64(_NONE), shingles.shape[1])
        _, is_held = held.find(pair(row, shingles.ravel()))
        n_held = is_held.reshape(shingles.shape).sum(axis=1)
        for share, needed in self._needed.items():
            np.add.at(self.total[share], asked[n_held >= needed[asked]], 1)


def _distinct(slot: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return each row's distinct slots, the rest of it _NONE, and their counts, the rest large."""
    order = np.argsort(slot, axis=1, kind="stable")
    slot = np.take_along_axis(slot, order, axis=1)
    counts = np.take_along_axis(counts, order, axis=1)
    repeated = np.zeros(slot.shape, dtype=bool)
    repeated[:, 1:] = slot[:, 1:] == slot[:, :-1]
    return (
        np.where(repeated, _NONE, slot).astype(np.int64),
        np.where(repeated, np.iinfo(counts.dtype).max, counts),
    )


def _ranges(start: np.ndarray, length: np.ndarray) -> np.ndarray:
    """Return the numbers of some ranges, one after another."""
    before = np.cumsum(length) - length
    return np.arange(length.sum()) + np.repeat(start - before, length)


@dataclass(frozen=True)
class Occurrences:
    """Where n sequences occur in the rows, in their own row too.

    Attributes
    ----------
    sequence, row, offset : int64 [m], an entry for each occurrence of each sequence, ordered by
        sequence, then row, then offset.
    """

    sequence: np.ndarray
    row: np.ndarray
    offset: np.ndarray


def occurrences(windows: np.ndarray, tokens: np.ndarray) -> Occurrences:
    """Return where sequences, integers in 0…65535 [n, S], 2 ≤ S ≤ T, occur: anywhere in a row.

    Memory grows with the number of occurrences.

    >>> rows = np.array([[7, 7, 7, 1], [7, 1, 7, 7]], dtype=np.uint16)
    >>> found = occurrences(rows, np.array([[7, 7], [7, 1]]))
    >>> found.sequence.tolist(), found.row.tolist(), found.offset.tolist()
    ([0, 0, 0, 1, 1], [0, 0, 1, 0, 1], [0, 1, 2, 2, 0])
    """
    length = tokens.shape[1]
    index = NgramIndex(tokens, [*(2**i for i in range((length - 1).bit_length())), length])
    found = [(np.zeros(0, np.int64),) * 3]
    for start, block in row_blocks(windows):
        *_, whole = index.matches(block)
        found.append((whole.slot, start + whole.row, whole.column))
    slot, row, offset = (np.concatenate(parts) for parts in zip(*found, strict=True))
    order = np.argsort(slot, kind="stable")
    # Equal sequences have one slot, and share its occurrences.
    own = index.slot[length][:, 0]
    first, last = (np.searchsorted(slot[order], own, side) for side in ("left", "right"))
    n = last - first
    entry = order[_ranges(first, n)]
    return Occurrences(np.repeat(np.arange(len(own)), n), row[entry], offset[entry])


def documents(
    windows: np.ndarray, place: np.ndarray, row: np.ndarray, offset: np.ndarray
) -> np.ndarray:
    """Return the document that holds some tokens of the rows: where it begins in the stream.

    int64 [m], equal for tokens of one document only. A document ends with token 0, and the next
    begins.

    Parameters
    ----------
    windows : uint16 [N, T].
    place : int64 [N, 2], where in the stream of all documents each row's first token is, and where
        the document that holds it begins.
    row, offset : int64 [m], the tokens asked for.
    """
    width = windows.shape[1]
    ends = [
        start * width + np.flatnonzero(block == END_OF_TEXT) for start, block in row_blocks(windows)
    ]
    # An end before all rows, so that there always is one before.
    end = np.concatenate([np.array([-1]), *ends])
    end = end[np.searchsorted(end, row * width + offset) - 1] - row * width
    return np.where(end >= 0, place[row, 0] + end + 1, place[row, 1])
