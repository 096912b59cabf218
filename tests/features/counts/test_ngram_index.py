from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memorization.counting import ngram_index
from memorization.counting.ngram_index import KeyTable, NgramIndex, row_blocks

EVERY = (1, 2, 3, 4, 5)


def brute_matches(rows, sequences, length):
    """Every (place, n-gram) that a sequence has too, by comparing Python tuples."""
    known = {
        tuple(s[i : i + length]) for s in sequences.tolist() for i in range(len(s) - length + 1)
    }
    width = rows.shape[1]
    return [
        (row * width + column, tuple(tokens[column : column + length]))
        for row, tokens in enumerate(rows.tolist())
        for column in range(width - length + 1)
        if tuple(tokens[column : column + length]) in known
    ]


@settings(deadline=None, max_examples=100)
@given(
    kept=st.lists(st.integers(0, 2**64 - 2**33) | st.integers(0, 40), max_size=60),
    others=st.lists(st.integers(0, 2**64 - 2**33) | st.integers(0, 40), max_size=60),
)
def test_a_table_finds_the_keys_it_was_given_and_no_others(kept, others):
    table = KeyTable(np.array(kept, dtype=np.uint64))
    wanted = np.array(kept + others, dtype=np.uint64)
    slot, found = table.find(wanted)
    assert found.tolist() == [key in set(kept) for key in kept + others]
    slot_of = dict(zip(wanted[found].tolist(), slot[found].tolist(), strict=True))
    assert len(set(slot_of.values())) == len(set(kept))
    assert all(0 <= number < table.slots for number in slot_of.values())


def test_keys_in_a_row_do_not_pile_up():
    """Numbers of n-grams are anything but random; probes must stay few all the same."""
    for step in (1, 2**32, 2**32 + 1, 2**40):
        keys = np.arange(20_000, dtype=np.uint64) * np.uint64(step)
        slot, found = KeyTable(keys).find(keys)
        home = ((keys * ngram_index._MIX) >> np.uint64(32)) * np.uint64(2 * len(keys))
        assert found.all()
        assert (slot - (home >> np.uint64(32)).astype(np.int64)).mean() < 1


def test_the_key_that_would_look_like_an_empty_slot_is_no_pair_of_slots():
    key = -pow(int(ngram_index._MIX), -1, 2**64) % 2**64
    assert (np.array([key], dtype=np.uint64) * ngram_index._MIX)[0] == ngram_index._EMPTY
    assert key >> 32 == 2**32 - 1


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 2**32 - 1),
    lengths=st.sampled_from([EVERY, (1, 2, 4, 7), (1, 2, 4, 8), (1, 2, 3, 6, 12), (1,)]),
    n_symbols=st.integers(1, 3),
    width=st.integers(12, 17),
)
def test_matches_are_those_of_brute_force(seed, lengths, n_symbols, width):
    rng = np.random.default_rng(seed)
    symbols = rng.choice(2**16, n_symbols, replace=False)
    rows = symbols[rng.integers(0, n_symbols, (7, width))].astype(np.uint16)
    sequences = symbols[rng.integers(0, n_symbols, (3, 12))]
    index = NgramIndex(sequences, lengths)
    found = {matches.length: matches for matches in index.matches(rows)}
    assert tuple(found) == lengths
    for length in lengths[1:]:
        matches = found[length]
        expected = brute_matches(rows, sequences, length)
        assert matches.place.tolist() == [place for place, _ in expected]
        assert np.array_equal(matches.column, matches.place % width)
        # One slot an n-gram, and the same slot in rows and sequences.
        slots = dict(zip((gram for _, gram in expected), matches.slot.tolist(), strict=True))
        assert [slots[gram] for _, gram in expected] == matches.slot.tolist()
        assert len(set(slots.values())) == len(slots)
        for i, sequence in enumerate(sequences.tolist()):
            for place in range(12 - length + 1):
                gram = tuple(sequence[place : place + length])
                if gram in slots:
                    assert index.slot[length][i, place] == slots[gram]


def test_a_token_is_its_own_number():
    rows = np.array([[5, 65535, 0]], dtype=np.uint16)
    (tokens,) = NgramIndex(np.array([[1, 2]]), (1,)).matches(rows)
    assert tokens.slot.tolist() == [5, 65535, 0]


def test_matches_do_not_cross_rows():
    rows = np.array([[1, 2, 3, 4], [5, 6, 7, 8]], dtype=np.uint16)
    index = NgramIndex(np.array([[3, 4, 5, 6], [1, 2, 3, 4]]), (1, 2, 4))
    *_, pairs, fours = index.matches(rows)
    assert pairs.place.tolist() == [0, 1, 2, 4]
    assert fours.place.tolist() == [0]


def test_blocks_are_all_rows_in_order():
    windows = np.arange(5000, dtype=np.uint16)[:, None].repeat(128, axis=1)
    blocks = list(row_blocks(windows))
    assert len(blocks) > 2
    assert [start for start, _ in blocks] == np.cumsum(
        [0, *(len(b) for _, b in blocks[:-1])]
    ).tolist()
    assert np.array_equal(np.concatenate([block for _, block in blocks]), windows)
    assert len(list(row_blocks(windows, tokens=1))) == 5000


def test_no_sequences():
    index = NgramIndex(np.zeros((0, 8), dtype=int), (1, 2, 4))
    rows = np.zeros((2, 9), dtype=np.uint16)
    assert [len(matches.place) for matches in index.matches(rows)] == [18, 0, 0]


@pytest.mark.parametrize("lengths", [(2, 3), (1, 3), (1, 2, 2), (1, 2, 1)])
def test_lengths_that_cannot_be_built_up_are_refused(lengths):
    with pytest.raises(ValueError, match="at most twice the one before"):
        NgramIndex(np.zeros((1, 8), dtype=int), lengths)


def test_ngrams_longer_than_the_sequences_are_refused():
    with pytest.raises(ValueError, match="n-grams of 4 tokens in sequences of 3"):
        NgramIndex(np.zeros((1, 3), dtype=int), (1, 2, 4))
