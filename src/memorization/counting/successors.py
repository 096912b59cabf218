"""What follows the longest context that each token has elsewhere: the ∞-gram model.

The ∞-gram model (Liu et al. 2024, "Infini-gram") predicts a token from the longest run of tokens
before it that occurs in the data at all, by what follows that run there. Here the data are those
*elsewhere* (:mod:`memorization.counting.counting`), so it says whether the token could just
be copied from other text.

How often the token itself follows is a count of n-grams, and mostly settles it: never, or more than
half of the time. In between, the most frequent other token decides, and all tokens that follow have
to be counted. These pairs are counted exactly. How many can be different is known beforehand, from
how often the contexts occur; where that would exceed the memory, the contexts are taken in parts,
one pass over the data each.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np

from memorization.counting.ngram_index import VOCABULARY, Matches, NgramIndex
from memorization.protocol import CONTINUATION, PROMPT

_TOKEN_BITS = np.uint64(16)
# A different pair takes a key and a count of 8 bytes each, and four times as much while the largest
# are found.
_PAIR_BYTES = 80
# Pairs as they come, before they are first reduced to different ones and their counts.
_BUFFER = 2**21


class LongestContexts:
    """The longest context of each continuation token that occurs elsewhere.

    Attributes
    ----------
    length : int8 [n, 32], its tokens; 0 where even the last token does not occur with one after it.
    slot : uint32 [n, 32], its number in the index.
    count : int64 [n, 32], its occurrences elsewhere with a token after it.
    onward : int64 [n, 32], those of them in which that is the token.
    """

    def __init__(self, n: int) -> None:
        """Start with no context for any token of n sequences."""
        shape = (n, CONTINUATION)
        self.length = np.zeros(shape, np.int8)
        self.slot = np.zeros(shape, np.uint32)
        self.count = np.zeros(shape, np.int64)
        self.onward = np.zeros(shape, np.int64)

    def add(self, length: int, slot: np.ndarray, count: np.ndarray, onward: np.ndarray) -> None:
        """Take the contexts of the next length where they occur, integers [n, 32] each."""
        known = count > 0
        self.length[known] = length
        self.slot[known] = slot[known]
        self.count[known] = count[known]
        self.onward[known] = onward[known]

    @property
    def share(self) -> np.ndarray:
        """Of what follows a context elsewhere, the share that is the token, float64 [n, 32]."""
        return self.onward / np.maximum(self.count, 1)

    @property
    def is_open(self) -> np.ndarray:
        """Whether another token may follow as often as the token does, bool [n, 32]."""
        return (self.onward > 0) & (2 * self.onward <= self.count)


@dataclass(frozen=True)
class Contexts:
    """Some contexts of which all successors are to be counted.

    Attributes
    ----------
    sequence, place : int64 [q], which sequence, and where in it the predicted token is.
    length : int64 [q], tokens of the context.
    slot : int64 [q], its number in the index.
    count : int64 [q], its occurrences elsewhere with a token after it, at least 1.
    number : int64 [q], which of the different contexts it is.
    """

    sequence: np.ndarray
    place: np.ndarray
    length: np.ndarray
    slot: np.ndarray
    count: np.ndarray
    number: np.ndarray

    @classmethod
    def of(cls, longest: LongestContexts, chosen: np.ndarray) -> Contexts:
        """Return the contexts of some continuation tokens, those for which bool [n, 32] is true."""
        sequence, token = np.nonzero(chosen)
        length = longest.length[chosen].astype(np.int64)
        slot = longest.slot[chosen].astype(np.int64)
        _, number = np.unique((length << 32) | slot, return_inverse=True)
        return cls(sequence, token + PROMPT, length, slot, longest.count[chosen], number)

    def parts(self, memory: int) -> list[Contexts]:
        """Return the contexts in parts, at least one; equal contexts are in the same.

        The pairs of a part may take so many bytes of memory (one context may take more).
        """
        _, first = np.unique(self.number, return_index=True)
        # In the rows there may be one occurrence more: the own one.
        most = np.minimum(self.count[first] + 1, VOCABULARY)
        part = ((np.cumsum(most) - most) * _PAIR_BYTES // max(memory, 1))[self.number]
        if not len(part):
            return [self]
        return [self._take(part == number) for number in np.unique(part)]

    def table(self, index: NgramIndex) -> dict[int, np.ndarray]:
        """Return where the contexts are in an index: length -> int32 [slots], -1 for none."""
        table = {}
        for length in np.unique(self.length).tolist():
            own = self.length == length
            table[length] = np.full(index.slots[length], -1, dtype=np.int32)
            table[length][self.slot[own]] = self.number[own]
        return table

    def _take(self, chosen: np.ndarray) -> Contexts:
        return Contexts(*(getattr(self, field.name)[chosen] for field in fields(self)))


class Pairs:
    """Different keys and how often each was added.

    New keys wait until they are as many as the different ones, so that each is merged a logarithmic
    number of times.
    """

    def __init__(self) -> None:
        """Start with nothing."""
        self._keys, self._counts = np.zeros(0, np.uint64), np.zeros(0, np.int64)
        self._buffer: list[np.ndarray] = []
        self._buffered = 0

    def add(self, keys: np.ndarray) -> None:
        """Count some keys, uint64 [m]."""
        self._buffer.append(keys)
        self._buffered += len(keys)
        if self._buffered >= max(_BUFFER, len(self._keys)):
            self.total()

    def total(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the different keys, ascending, and their counts, int64."""
        if self._buffer:
            new, n_new = np.unique(np.concatenate(self._buffer), return_counts=True)
            self._buffer, self._buffered = [], 0
            self.merge(new, n_new)
        return self._keys, self._counts

    def merge(self, keys: np.ndarray, times: np.ndarray) -> None:
        """Count different keys, each so many times, int64 [m]."""
        keys, counts = np.append(self._keys, keys), np.append(self._counts, times)
        order = np.argsort(keys, kind="stable")
        start = _starts(keys[order])
        self._keys = keys[order][start]
        self._counts = np.add.reduceat(counts[order], start) if len(start) else counts


def _starts(ordered: np.ndarray) -> np.ndarray:
    """Return where runs of equal values begin."""
    return np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1])[: len(ordered)])


def context_token_keys(
    table: Mapping[int, np.ndarray], block: np.ndarray, matches: Matches
) -> np.ndarray:
    """Return the keys of the contexts found in a block of rows with the tokens after them.

    ``table`` is as from `Contexts.table`; the matches are of one length, in that block.
    """
    if matches.length not in table:
        return np.zeros(0, dtype=np.uint64)
    number = table[matches.length].take(matches.slot)
    chosen = np.flatnonzero((number >= 0) & (matches.column < block.shape[1] - matches.length))
    token = block.ravel()[matches.place[chosen] + matches.length]
    return _key(number[chosen], token)


def rivals(
    contexts: Contexts,
    pairs: tuple[np.ndarray, np.ndarray],
    index: NgramIndex,
    alone: np.ndarray,
) -> np.ndarray:
    """Return how often the most frequent other token follows each context elsewhere, int64 [q].

    ``pairs`` are different keys of a context and a token, ascending, and their counts in the rows;
    ``alone``, bool [n], are the sequences that begin no row.
    """
    keys, counts = pairs
    token = index.slot[1][contexts.sequence, contexts.place]
    rival = _largest_other(keys, counts, contexts.number, token)
    # A rival that a sequence without a row itself holds after the context: as often as there and
    # in the rows.
    which, other = _own_repeats(contexts, index, alone)
    differs = other != token[which]
    own = (which[differs].astype(np.uint64) << _TOKEN_BITS) | other[differs].astype(np.uint64)
    own, n_own = np.unique(own, return_counts=True)
    which = (own >> _TOKEN_BITS).astype(np.int64)
    in_rows = _look_up(keys, counts, _key(contexts.number[which], own & np.uint64(2**16 - 1)))
    np.maximum.at(rival, which, in_rows + n_own)
    return rival


def _key(number: np.ndarray, token: np.ndarray) -> np.ndarray:
    return (number.astype(np.uint64) << _TOKEN_BITS) | token.astype(np.uint64)


def _look_up(keys: np.ndarray, counts: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Return the count of each wanted key, int64; 0 where there is none."""
    if not len(keys):
        return np.zeros(len(wanted), dtype=np.int64)
    place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[place] == wanted, counts[place], 0)


def _largest_other(
    keys: np.ndarray, counts: np.ndarray, number: np.ndarray, token: np.ndarray
) -> np.ndarray:
    """Return how often the most frequent other token follows each context, int64 [q]."""
    if not len(keys):
        return np.zeros(len(number), dtype=np.int64)
    holder = (keys >> _TOKEN_BITS).astype(np.int64)
    start = _starts(holder)
    top = np.maximum.reduceat(counts, start)
    # The first of the most frequent tokens of each context, and the most frequent of the others.
    at_top = np.flatnonzero(counts == np.repeat(top, np.diff(np.append(start, len(keys)))))
    leader = at_top[np.append(True, np.diff(holder[at_top]) > 0)]
    rest = counts.copy()
    rest[leader] = 0
    second = np.maximum.reduceat(rest, start)
    holder = holder[start]
    place = np.minimum(np.searchsorted(holder, number), len(holder) - 1)
    led_by = (keys[leader] & np.uint64(2**16 - 1)).astype(np.int64)
    largest = np.where(led_by[place] == token, second[place], top[place])
    return np.where(holder[place] == number, largest, 0)


def _own_repeats(
    contexts: Contexts, index: NgramIndex, alone: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return where a sequence that begins no row holds a context again, and the token after it.

    Two int64 arrays: which of the contexts, and the token. An entry an occurrence.
    """
    which, tokens = [], []
    asked = np.flatnonzero(alone[contexts.sequence])
    for length in np.unique(contexts.length[asked]).tolist():
        asking = asked[contexts.length[asked] == length]
        sequence = contexts.sequence[asking]
        own = contexts.place[asking] - length
        slot = index.slot[length]
        for place in range(slot.shape[1] - 1):
            again = (slot[sequence, place] == contexts.slot[asking]) & (own != place)
            which.append(asking[again])
            tokens.append(index.slot[1][sequence[again], place + length])
    if not which:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    return np.concatenate(which), np.concatenate(tokens).astype(np.int64)
