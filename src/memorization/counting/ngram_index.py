"""Where a body of text holds the n-grams of given sequences: exact, for all lengths in one pass.

Every distinct n-gram of the sequences has a number, and an n-gram is known by the numbers of the
two shorter ones that cover it: "a b c" is the pair of "a b" and "b c". Two numbers of 32 bits make
one key of 64, so a key *is* the n-gram: no hash stands in for it, nothing collides, nothing needs
to be compared again. An n-gram of the text is looked up only where the two shorter ones have been
found, so each length costs a look-up a *match* of the length before it, not one a token.

The look-ups go to an open hash table laid out in sorted order (Amble & Knuth 1974, "Ordered hash
tables"), which is built by sorting.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numba import njit

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
_HALF, _ONE = np.uint64(32), np.uint64(1)
# Stands for no n-gram: no slot has so high a number.
_NONE = np.uint32(2**32 - 1)


def pair(high: np.ndarray, low: np.ndarray) -> np.ndarray:
    """Return numbers of 32 bits side by side, as keys, uint64 [...]."""
    return (high.astype(np.uint64) << _HALF) | low.astype(np.uint64)


class KeyTable:
    """A set of 64-bit keys (uint64 [m], may repeat), each known by the slot that it lies in.

    Attributes
    ----------
    slots : how many slots there are; a slot's number is below it.
    held : uint64 [slots or more], what lies in each slot, mixed.
    homes : how many slots a key's first choice is among.
    """

    def __init__(self, keys: np.ndarray) -> None:
        """Lay the keys out."""
        mixed = np.sort(keys * _MIX)
        mixed = mixed[np.append(True, mixed[1:] != mixed[:-1])] if len(mixed) else mixed
        self.homes = np.uint64(_ROOM * len(mixed))
        # In sorted order each key takes its home or, if that is taken, the slot after the last.
        place = np.arange(len(mixed))
        home = (((mixed >> _HALF) * self.homes) >> _HALF).astype(np.int64)
        slot = np.maximum.accumulate(home - place) + place
        self.slots = int(slot[-1]) + 2 if len(slot) else 1
        self.held = np.full(max(self.slots, int(self.homes) + 1), _EMPTY)
        self.held[slot] = mixed

    def find(self, keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the slot of each key, int64 [m], and whether it is in the table, bool [m]."""
        return _find(keys, self.held, self.homes)


@njit(cache=True)
def _find(keys: np.ndarray, held: np.ndarray, homes: np.uint64) -> tuple[np.ndarray, np.ndarray]:
    slot, known = np.empty(len(keys), dtype=np.int64), np.empty(len(keys), dtype=np.bool_)
    for i in range(len(keys)):
        mixed = keys[i] * _MIX
        found = ((mixed >> _HALF) * homes) >> _HALF
        # What lies in a chain is sorted, and the empty slot is above all: stop at the first that
        # is not below.
        while held[found] < mixed:
            found += _ONE
        slot[i], known[i] = found, held[found] == mixed
    return slot, known


@dataclass(frozen=True)
class Matches:
    """The n-grams of one length that a block of rows shares with the sequences.

    Attributes
    ----------
    length : tokens of the n-gram.
    width : tokens of a row.
    place : int32 [m], where each starts in the block, counted through all rows, ascending.
    slot : uint32 [m], its number in `NgramIndex`.
    left : int32 [tokens of the block], for each of them, the tokens from it to its row's end.
    """

    length: int
    width: int
    place: np.ndarray
    slot: np.ndarray
    left: np.ndarray

    @property
    def row(self) -> np.ndarray:
        """The row of the block that holds each, int32 [m]."""
        return self.place // self.width

    @property
    def column(self) -> np.ndarray:
        """Where each starts in its row, int32 [m]."""
        return self.place % self.width


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
            keys = pair(part[:, :-shift], part[:, shift:])
            table = KeyTable(keys.ravel())
            slot, _ = table.find(keys.ravel())
            self._tables[length] = table
            self.slots[length] = table.slots
            self.slot[length] = slot.astype(np.uint32).reshape(keys.shape)

    def matches(self, rows: np.ndarray) -> Iterator[Matches]:
        """Yield what a block of rows, uint16 [R, T], shares with the sequences, from short to long.

        No n-gram crosses rows. Of length 1 every token is yielded, matched or not: a token is its
        own number.
        """
        width = rows.shape[1]
        slot = rows.ravel().astype(np.uint32)
        place = np.arange(len(slot), dtype=np.int32)
        left = np.tile(np.arange(width, 0, -1, dtype=np.int32), len(rows))
        yield Matches(1, width, place, slot, left)
        number = slot.copy()
        for shorter, length in pairwise(self.lengths):
            table = self._tables[length]
            place, slot = _longer(
                place, number, left, length, length - shorter, table.held, table.homes
            )
            yield Matches(length, width, place, slot, left)


@njit(cache=True)
def _longer(
    place: np.ndarray,
    number: np.ndarray,
    left: np.ndarray,
    length: int,
    shift: int,
    held: np.ndarray,
    homes: np.uint64,
) -> tuple[np.ndarray, np.ndarray]:
    """Return where known n-grams of a length start, and their slots in the table (held, homes).

    Those of the length before, shorter by ``shift``, start at ``place``, int32 [m]; ``number``,
    uint32 [tokens], is their slots by where they start, or _NONE, and becomes that of the new.
    """
    kept, mixed = np.empty(len(place), dtype=np.int32), np.empty(len(place), dtype=np.uint64)
    count = 0
    for start in place:
        # What starts further on is still of the length before.
        right = number[start + shift] if left[start] >= length else _NONE
        kept[count] = start
        mixed[count] = ((np.uint64(number[start]) << _HALF) | np.uint64(right)) * _MIX
        number[start] = _NONE
        count += right != _NONE
    # The table is mostly not in the cache. Loads that no branch waits for are under way together.
    slot = np.empty(count, dtype=np.uint64)
    found = np.empty(count, dtype=np.uint64)
    for i in range(count):
        slot[i] = ((mixed[i] >> _HALF) * homes) >> _HALF
        found[i] = held[slot[i]]
    known = 0
    slots = np.empty(count, dtype=np.uint32)
    for i in range(count):
        while found[i] < mixed[i]:
            slot[i] += _ONE
            found[i] = held[slot[i]]
        if found[i] == mixed[i]:
            number[kept[i]] = slot[i]
            kept[known], slots[known] = kept[i], slot[i]
            known += 1
    return kept[:known].copy(), slots[:known].copy()


def row_blocks(windows: np.ndarray, tokens: int = CHUNK) -> Iterator[tuple[int, np.ndarray]]:
    """Yield (first row, rows) of about ``tokens`` tokens each, in order, as arrays in memory."""
    rows = max(1, tokens // windows.shape[1])
    for start in range(0, len(windows), rows):
        yield start, np.asarray(windows[start : start + rows])


def slot_counts(
    index: NgramIndex,
    windows: np.ndarray,
    rooms: Mapping[int, tuple[int, ...]],
    advance: Callable[[int], object] = lambda tokens: None,
) -> dict[tuple[int, int], np.ndarray]:
    """Return how often the rows hold each n-gram of an index: (length, room) -> integers [slots].

    ``rooms`` are, for each length, numbers of tokens, 0 first; an occurrence counts towards each
    room for which its row has that many tokens after it.
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


def mix(token: np.ndarray, context: np.ndarray, shorter: np.ndarray) -> np.ndarray:
    """Return the probability of a token after a context, given that after a shorter one.

    The shorter context's prediction counts as one observation (a Dirichlet prior; MacKay & Peto
    1995): (token + shorter) / (context + 1), where ``token`` and ``context`` are how often the
    context occurs with and without the token, ``shorter`` the probability after the shorter one.
    """
    return (token + shorter) / (context + 1)


def count_type(windows: np.ndarray) -> type[np.signedinteger]:
    """Return the smaller type that holds the number of tokens, with one row more."""
    return np.int32 if windows.size < 2**31 - 64 else np.int64
