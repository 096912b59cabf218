"""How often n-grams occur in the training data, besides the occurrence that one asks about.

A sequence's own occurrence says nothing about how often it is met, and where the data are a sample,
whether it was drawn must not show. So every sequence is counted as if the data held it exactly
once: one that begins a row of them is that row; one that begins none is taken as one more row, of
its 64 tokens, which only it sees. From every count the n-gram's occurrence at its very place in
that row is taken off. What is left are its occurrences *elsewhere*: in other rows, in the rest of
its own row, and at other places of the sequence (the same token 64 times holds each of its tokens
63 times elsewhere). Where rows are longer than the sequences, they begin a row either all or none
of them: the rest of its row would tell those that were drawn from the others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numba import njit

from memorization.counting.ngram_index import NgramIndex, row_blocks


def slot_counts(
    index: NgramIndex,
    windows: np.ndarray,
    rooms: Mapping[int, tuple[int, ...]],
    advance: Callable[[int], object] = lambda tokens: None,
) -> dict[tuple[int, int], np.ndarray]:
    """Return how often the rows hold each n-gram of an index: (length, room) -> integers [slots].

    Parameters
    ----------
    windows : uint16 [N, T].
    rooms : length -> numbers of tokens, 0 first; an occurrence counts towards each room for which
        its row has that many tokens after it.
    advance : called with the tokens just read.
    """
    dtype = count_type(windows)
    counts = {
        (length, room): np.zeros(index.slots[length], dtype)
        for length, of_length in rooms.items()
        for room in of_length
    }
    for _, block in row_blocks(windows):
        for matches in index.matches(block):
            for room in rooms.get(matches.length, ()):
                if room:  # nearly all occurrences have it, so those are counted that have not
                    lacks = matches.left[matches.place] < matches.length + room
                    _tally(counts[matches.length, room], matches.slot[lacks])
                else:
                    _tally(counts[matches.length, room], matches.slot)
        advance(block.size)
    for (length, room), lacking in counts.items():
        if room:
            np.subtract(counts[length, 0], lacking, out=lacking)
    return counts


@njit(cache=True)
def _tally(counts: np.ndarray, slots: np.ndarray) -> None:
    """Count each slot once more for each time that it is listed."""
    for slot in slots:
        counts[slot] += 1


def count_type(windows: np.ndarray) -> type[np.signedinteger]:
    """Return the type of counts: the smaller one that holds the number of tokens, with a row more.

    >>> count_type(np.zeros((2, 64), np.uint16)).__name__
    'int32'
    """
    return np.int32 if windows.size < 2**31 - 64 else np.int64


class OwnCounts:
    """What a sequence's own row has to do with the counts of its n-grams.

    Parameters
    ----------
    index : of the sequences.
    alone : bool [n], the sequences that begin no row.
    """

    def __init__(self, index: NgramIndex, alone: np.ndarray) -> None:
        """Find, for each length, who begins no row and repeats an n-gram."""
        self._slot = index.slot
        self._alone = alone
        self._repeating: dict[int, np.ndarray] = {}
        repeating = np.flatnonzero(alone)
        for length in index.lengths:
            ordered = np.sort(index.slot[length][repeating], axis=1)
            # Who repeats no n-gram repeats no longer one either.
            repeating = repeating[(ordered[:, 1:] == ordered[:, :-1]).any(axis=1)]
            self._repeating[length] = repeating

    def correction(self, length: int, room: int = 0) -> np.ndarray:
        """Return what turns occurrences in the rows into those elsewhere, int8 [n, places].

        For a sequence that begins a row that is -1, the own occurrence. For one that begins none,
        it is the n-gram's occurrences at other places of the sequence. Places returned and
        occurrences added have ``room`` more tokens after them in the sequence.
        """
        slot = self._slot[length]
        slot = slot[:, : slot.shape[1] - room]
        correction = np.zeros(slot.shape, dtype=np.int8)
        correction[~self._alone] = -1
        repeating = self._repeating[length]
        own = slot[repeating]
        others = np.full(own.shape, -1, dtype=np.int8)
        for place in range(own.shape[1]):
            others += own == own[:, place : place + 1]
        correction[repeating] = others
        return correction
