"""Where a body of text holds the n-grams of given sequences: exact, for all lengths in one pass.

Every distinct n-gram of the sequences has a number, and an n-gram is known by the numbers of the
two shorter ones that cover it: "a b c" is the pair of "a b" and "b c". Two numbers of 32 bits make
one key of 64, so a key *is* the n-gram: no hash stands in for it, nothing collides, nothing needs
to be compared again. An n-gram of the text is looked up only where the two shorter ones have been
found, so each length costs a look-up a *match* of the length before it, not one a token.

The look-ups go to an open hash table laid out in sorted order (Amble & Knuth 1974, "Ordered hash
tables"), which is built by sorting and probed for whole arrays at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

# Tokens looked up at a time: small enough for the keys and places to stay in the cache.
CHUNK = 2**17
VOCABULARY = 2**16

# A key times an odd number, modulo 2^64, is as good as random in its upper half, and still unique.
# The number is the inverse of a small one, so that the one key that mixes to _EMPTY is -0x27D4EB2F,
# whose upper half is 2^32 - 1, more than any slot.
_MIX = np.uint64(pow(0x27D4EB2F, -1, 2**64))
_EMPTY = np.uint64(2**64 - 1)
# Slots of a table for each key in it: half empty, so that a look-up takes about 1.5 probes.
_ROOM = 2
_HALF = np.uint64(32)


class KeyTable:
    """A set of 64-bit keys, each known by the slot that it lies in.

    Parameters
    ----------
    keys : uint64 [m]; may repeat.

    Attributes
    ----------
    slots : how many slots there are; a slot's number is below it.
    """

    def __init__(self, keys: np.ndarray) -> None:
        """Lay the keys out."""
        mixed = np.sort(keys * _MIX)
        mixed = mixed[np.append(True, mixed[1:] != mixed[:-1])] if len(mixed) else mixed
        self._homes = np.uint64(_ROOM * len(mixed))
        # In sorted order each key takes its home or, if that is taken, the slot after the last.
        place = np.arange(len(mixed))
        slot = np.maximum.accumulate(self._home(mixed) - place) + place
        self.slots = int(slot[-1]) + 2 if len(slot) else 1
        self._held = np.full(self.slots, _EMPTY)
        self._held[slot] = mixed

    def find(self, keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the slot of each key, int64 [m], and whether it is in the table, bool [m]."""
        mixed = keys * _MIX
        slot = self._home(mixed)
        held = self._held.take(slot, mode="wrap")
        # What lies in a chain is sorted, and the empty slot is above all: stop at the first that
        # is not below.
        going = np.flatnonzero(held < mixed)
        while len(going):
            further = slot[going] + 1
            slot[going] = further
            found = self._held.take(further, mode="wrap")
            held[going] = found
            going = going[found < mixed[going]]
        return slot, held == mixed

    def _home(self, mixed: np.ndarray) -> np.ndarray:
        return (((mixed >> _HALF) * self._homes) >> _HALF).astype(np.int64)


@dataclass(frozen=True)
class Matches:
    """The n-grams of one length that a block of rows shares with the sequences.

    Attributes
    ----------
    length : tokens of the n-gram.
    place : int64 [m], where each starts in the block, counted through all rows, ascending.
    column : int64 [m], where it starts in its row.
    slot : int64 [m], its number in `NgramIndex`.
    """

    length: int
    place: np.ndarray
    column: np.ndarray
    slot: np.ndarray


class NgramIndex:
    """The n-grams of some sequences.

    Parameters
    ----------
    tokens : integers in 0…65535, [n, S].
    lengths : ascending from 1, each at most twice the one before it, the last at most S.

    Attributes
    ----------
    slot : length -> int64 [n, S - length + 1], the number of each sequence's n-grams: equal for
        equal n-grams.
    slots : length -> numbers of that length are below it.
    """

    def __init__(self, tokens: np.ndarray, lengths: Sequence[int]) -> None:
        """Number the n-grams of each length from those of the length before it."""
        if lengths[0] != 1 or any(not a < b <= 2 * a for a, b in pairwise(lengths)):
            raise ValueError(f"lengths {list(lengths)}: each at most twice the one before, from 1")
        if lengths[-1] > tokens.shape[1]:
            raise ValueError(f"n-grams of {lengths[-1]} tokens in sequences of {tokens.shape[1]}")
        self.lengths = tuple(lengths)
        self.slot = {1: tokens.astype(np.uint32)}
        self.slots = {1: VOCABULARY}
        self._tables: dict[int, KeyTable] = {}
        for shorter, length in pairwise(lengths):
            part = self.slot[shorter]
            shift = length - shorter
            keys = _pair(part[:, :-shift], part[:, shift:])
            table = KeyTable(keys.ravel())
            slot, _ = table.find(keys.ravel())
            self._tables[length] = table
            self.slots[length] = table.slots
            self.slot[length] = slot.astype(np.uint32).reshape(keys.shape)

    def matches(self, rows: np.ndarray) -> Iterator[Matches]:
        """Yield what a block of rows shares with the sequences, from short to long.

        No n-gram crosses rows. Of length 1 every token is yielded, matched or not: a token is its
        own number.

        Parameters
        ----------
        rows : uint16 [R, T].
        """
        width = rows.shape[1]
        slot = rows.ravel().astype(np.int64)
        place = np.arange(len(slot))
        column = np.tile(np.arange(width), len(rows))
        yield Matches(1, place, column, slot)
        for shorter, length in pairwise(self.lengths):
            shift = length - shorter
            left, right = _partners(place, shift)
            if shift == shorter:
                # Only parts that do not overlap can lie in two rows.
                inside = column[left] <= width - length
                left, right = left[inside], right[inside]
            found, known = self._tables[length].find(_pair(slot[left], slot[right]))
            kept = left[known]
            place, column, slot = place[kept], column[kept], found[known]
            yield Matches(length, place, column, slot)


def row_blocks(windows: np.ndarray, tokens: int = CHUNK) -> Iterator[tuple[int, np.ndarray]]:
    """Yield (first row, rows) of about ``tokens`` tokens each, in order, as arrays in memory."""
    rows = max(1, tokens // windows.shape[1])
    for start in range(0, len(windows), rows):
        yield start, np.asarray(windows[start : start + rows])


def _pair(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    return (left.astype(np.uint64) << _HALF) | right.astype(np.uint64)


def _partners(place: np.ndarray, shift: int) -> tuple[np.ndarray, np.ndarray]:
    """Return which entries have another ``shift`` places further on, and which that is."""
    if shift == 1:
        left = np.flatnonzero(place[1:] == place[:-1] + 1)
        return left, left + 1
    right = np.searchsorted(place, place + shift)
    left = np.flatnonzero(right < len(place))
    left = left[place[right[left]] == place[left] + shift]
    return left, right[left]
