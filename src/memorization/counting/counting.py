"""What the training data hold of each sequence: all counts at once, exact, in bounded memory.

Sequences are taken in batches that fit the memory, and the data are read twice a batch: once to
count, once to see what follows those contexts after which several tokens are frequent
(:mod:`memorization.counting.successors`) and which rows are near-duplicates
(:mod:`memorization.counting.copies`). Time is linear in the tokens of the data, and
in the sequences once they fill a batch.

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

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np

from memorization.counting.copies import SHINGLE, THRESHOLDS, NearDuplicates
from memorization.counting.ngram_index import (
    VOCABULARY,
    NgramIndex,
    count_type,
    row_blocks,
    slot_counts,
)
from memorization.counting.shards import Advance, Engine, in_this_process, silent
from memorization.counting.successors import (
    Contexts,
    LongestContexts,
    Pairs,
    context_token_keys,
    rivals,
)
from memorization.protocol import CONTINUATION, PROMPT, SEQUENCE

# Contexts of more tokens are not told apart: the ∞-gram model stops here.
LONGEST = 32
# Every context with its token, and the whole sequence.
LENGTHS = (*range(1, LONGEST + 2), SEQUENCE)
# Lengths whose counts are kept for every place of a sequence.
NGRAMS = (1, 2, 3, 4, 5, 8, 13, 16, 32, SEQUENCE)
# Lengths of context whose counts are kept for every continuation token.
CONTEXTS = (1, 2, 4, 8, 16)

# Default memory of a batch, in bytes, and what a sequence takes of it: for each of its n-grams, two
# slots of a table (8 bytes) with two counts (8 bytes at most), and a slot's number.
MEMORY = 5 * 2**30
_BYTES = sum(SEQUENCE + 1 - length for length in LENGTHS) * (2 * (8 + 2 * 8) + 4)


@dataclass(frozen=True)
class SequenceCounts:
    """What the training data hold of n sequences, besides their own occurrence.

    Attributes
    ----------
    tokens : int64 [65536], occurrences of each token in the rows, as they are.
    elsewhere : length -> integers [n, 64 - length + 1], of the n-gram that starts there.
    context : length -> integers [n, 32], for each continuation token, occurrences of that many
        tokens before it after which the row goes on.
    onward : length -> integers [n, 32], those of them that go on with the token.
    prompt_followed : integers [n], occurrences of the prompt with 32 tokens after it in the row.
    longest : int8 [n, 64], length of the longest n-gram, of at most 32 tokens, that ends there and
        occurs elsewhere; 0 where even the token does not.
    near : threshold -> int64 [n], other rows that hold at least that share of the sequence's
        distinct 5-grams.
    suffix : int8 [n, 32], for each continuation token, the longest context, of at most 32 tokens,
        that occurs elsewhere with a token after it; 0 where even the last token does not.
    copied : bool [n, 32], whether the token follows that context elsewhere more often than any
        other token does.
    share : float64 [n, 32], of what follows that context elsewhere, the share that is the token.
    """

    tokens: np.ndarray
    elsewhere: Mapping[int, np.ndarray]
    context: Mapping[int, np.ndarray]
    onward: Mapping[int, np.ndarray]
    prompt_followed: np.ndarray
    longest: np.ndarray
    near: Mapping[float, np.ndarray]
    suffix: np.ndarray
    copied: np.ndarray
    share: np.ndarray


def count_sequences(
    windows: np.ndarray,
    tokens: np.ndarray,
    rows: np.ndarray,
    memory: int = MEMORY,
    advance: Advance = silent,
    engine: Engine = in_this_process,
) -> SequenceCounts:
    """Return what the rows of training text hold of each sequence.

    Parameters
    ----------
    windows : uint16 [N, T], T ≥ 64; may be memory-mapped. No n-gram crosses rows.
    tokens : integers in 0…65535, [n, 64].
    rows : int64 [n], the row that begins with the sequence, -1 where none does.
    memory : bytes that a batch of sequences may take; only the number of passes depends on it.
    advance : called with the tokens just read; all are read `n_passes` times.
    engine : does each pass over the rows, see `memorization.counting.shards`; the result is the
        same.
    """
    counts = _empty(len(tokens), count_type(windows))
    for batch in _batches(len(tokens), memory):
        part = _part(counts, batch)
        _count_batch(windows, tokens[batch], rows[batch], memory, advance, engine, part)
    return counts


def n_passes(n: int, memory: int = MEMORY) -> int:
    """Return how often the rows are read to count for n sequences.

    >>> n_passes(1), n_passes(10**6)
    (2, 32)
    """
    return 2 * len(_batches(n, memory))


def _batches(n: int, memory: int) -> list[slice]:
    count = max(1, -(-n * _BYTES // max(memory, _BYTES)))
    edges = np.linspace(0, n, count + 1).astype(int).tolist()
    return [slice(start, end) for start, end in pairwise(edges)]


def _empty(n: int, dtype: type[np.signedinteger]) -> SequenceCounts:
    """Return counts to be filled in."""
    per_token = (n, CONTINUATION)
    return SequenceCounts(
        tokens=np.zeros(VOCABULARY, np.int64),
        elsewhere={length: np.zeros((n, SEQUENCE + 1 - length), dtype) for length in NGRAMS},
        context={length: np.zeros(per_token, dtype) for length in CONTEXTS},
        onward={length: np.zeros(per_token, dtype) for length in CONTEXTS},
        prompt_followed=np.zeros(n, dtype),
        longest=np.zeros((n, SEQUENCE), np.int8),
        near={share: np.zeros(n, np.int64) for share in THRESHOLDS},
        suffix=np.zeros(per_token, np.int8),
        copied=np.zeros(per_token, bool),
        share=np.zeros(per_token),
    )


def _part(counts: SequenceCounts, batch: slice) -> SequenceCounts:
    """Return a view of the counts of some sequences."""

    def of(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {key: array[batch] for key, array in value.items()}
        return value[batch]

    names = [field.name for field in fields(counts) if field.name != "tokens"]
    return replace(counts, **{name: of(getattr(counts, name)) for name in names})


def _count_batch(
    windows: np.ndarray,
    tokens: np.ndarray,
    rows: np.ndarray,
    memory: int,
    advance: Advance,
    engine: Engine,
    out: SequenceCounts,
) -> None:
    """Count for sequences that fit the memory, and write it to ``out``."""
    index = NgramIndex(tokens, LENGTHS)
    rooms: dict[int, tuple[int, ...]] = dict.fromkeys(LENGTHS, (0,))
    rooms |= dict.fromkeys(range(1, LONGEST + 1), (0, 1)) | {PROMPT: (0, 1, CONTINUATION)}
    first = partial(_first_pass, index, rooms)
    counts = _added(engine(first, windows, advance), count_type(windows))
    longest = _of_counts(counts, index, rows < 0, out)
    near = NearDuplicates(index, out.elsewhere[SHINGLE])
    out.suffix[:] = longest.length
    out.share[:] = longest.share
    out.copied[:] = 2 * longest.onward > longest.count
    parts = Contexts.of(longest, longest.is_open).parts(memory // 2)
    for number, part in enumerate(parts):
        # Only a pass that shows the rows to ``near`` is told to ``advance``; others, for contexts
        # that did not fit the memory, are not foreseen.
        second = partial(_second_pass, index, part.table(index), None if number else near)
        pairs = Pairs()
        for keys, times, totals in engine(second, windows, silent if number else advance):
            pairs.merge(keys, times)
            near.add(totals)
        own = part.sequence, part.place - PROMPT
        out.copied[own] = longest.onward[own] > rivals(part, pairs.total(), index, rows < 0)
    for share, n in near.elsewhere(rows).items():
        out.near[share][:] = n


def _first_pass(
    index: NgramIndex,
    rooms: Mapping[int, tuple[int, ...]],
    windows: np.ndarray,
    advance: Advance,
) -> dict[tuple[int, int], np.ndarray]:
    """Return how often the rows hold each n-gram; see `slot_counts`."""
    return slot_counts(index, windows, rooms, advance)


def _second_pass(
    index: NgramIndex,
    table: Mapping[int, np.ndarray],
    near: NearDuplicates | None,
    windows: np.ndarray,
    advance: Advance,
) -> tuple[np.ndarray, np.ndarray, dict[float, np.ndarray]]:
    """Return what follows some contexts, and the rows that nearly hold the sequences.

    The pairs of a context and the token after it in the rows, how often each occurs, and, unless
    ``near`` is None, how many rows nearly hold each different sequence: share -> int64. ``table``
    is as from `Contexts.table`.
    """
    pairs = Pairs()
    near = None if near is None else near.afresh()
    deepest = max([SHINGLE, *table])
    for _, block in row_blocks(windows):
        for matches in index.matches(block):
            pairs.add(context_token_keys(table, block, matches))
            if near is not None and matches.length == SHINGLE:
                near.visit(block, matches)
            if matches.length == deepest:
                break
        advance(block.size)
    return *pairs.total(), {} if near is None else near.total


def _added(
    parts: Iterable[dict[tuple[int, int], np.ndarray]], dtype: type[np.signedinteger]
) -> dict[tuple[int, int], np.ndarray]:
    """Return the sums of the counts in parts of the rows."""
    total: dict[tuple[int, int], np.ndarray] = {}
    for part in parts:
        for key, counts in part.items():
            if key in total:
                total[key] += counts
            else:  # what comes from another process cannot be written to
                total[key] = np.require(counts, dtype, "W")
    return total


def _of_counts(
    counts: Mapping[tuple[int, int], np.ndarray],
    index: NgramIndex,
    alone: np.ndarray,
    out: SequenceCounts,
) -> LongestContexts:
    """Write the counts of n-grams to ``out``, and return the longest contexts that recur."""
    own = OwnCounts(index, alone)

    def elsewhere(length: int, room: int = 0) -> np.ndarray:
        slot = index.slot[length]
        slot = slot[:, : slot.shape[1] - room]
        return counts[length, room][slot] + own.correction(length, room)

    contexts = LongestContexts(len(alone))
    held = elsewhere(1)
    for length in range(1, LONGEST + 1):
        if length in NGRAMS:
            out.elsewhere[length][:] = held
        out.longest[:, length - 1 :][held > 0] = length
        # The context of the first continuation token begins so many tokens before it.
        first = PROMPT - length
        followed = elsewhere(length, 1)[:, first:]
        held = elsewhere(length + 1)
        contexts.add(length, index.slot[length][:, first:-1], followed, held[:, first:])
        if length in CONTEXTS:
            out.context[length][:] = followed
            out.onward[length][:] = held[:, first:]
    out.elsewhere[SEQUENCE][:] = elsewhere(SEQUENCE)
    out.prompt_followed[:] = elsewhere(PROMPT, CONTINUATION)[:, 0]
    out.tokens[:] = counts[1, 0]
    return contexts


class OwnCounts:
    """What a sequence's own row has to do with the counts of its n-grams."""

    def __init__(self, index: NgramIndex, alone: np.ndarray) -> None:
        """Find, for each length, who repeats an n-gram of those that begin no row, bool [n]."""
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
