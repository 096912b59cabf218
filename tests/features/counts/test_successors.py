from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from memorization.counting import successors
from memorization.counting.ngram_index import NgramIndex, row_blocks
from memorization.counting.successors import (
    Contexts,
    LongestContexts,
    Pairs,
    context_token_keys,
    rivals,
)


@settings(deadline=None, max_examples=50)
@given(batches=st.lists(st.lists(st.integers(0, 12), max_size=40), max_size=12))
def test_pairs_are_counted_as_a_counter_does(batches):
    buffer, successors._BUFFER = successors._BUFFER, 8  # so that runs are merged
    pairs = Pairs()
    for batch in batches:
        pairs.add(np.array(batch, dtype=np.uint64))
    keys, counts = pairs.total()
    successors._BUFFER = buffer
    expected = Counter(key for batch in batches for key in batch)
    assert dict(zip(keys.tolist(), counts.tolist(), strict=True)) == expected
    assert keys.tolist() == sorted(expected)


def contexts_of(suffix, index, count=9):
    """The contexts of the lengths given, at the places that `counting` gives them."""
    longest = LongestContexts(len(suffix))
    for length in range(1, suffix.max(initial=0) + 1):
        slot = index.slot[length][:, 32 - length : 64 - length]
        longest.add(length, slot, np.where(suffix == length, count, 0), np.zeros_like(suffix))
    return Contexts.of(longest, suffix > 0)


def pairs_of(contexts, index, windows):
    pairs, table = Pairs(), contexts.table(index)
    for _, block in row_blocks(windows):
        for matches in index.matches(block):
            pairs.add(context_token_keys(table, block, matches))
    return pairs.total()


def test_parts_hold_every_context_once_and_fit_the_memory():
    rng = np.random.default_rng(0)
    windows = rng.integers(0, 3, (20, 64)).astype(np.uint16)
    index = NgramIndex(windows[:5], (1, 2, 3, 4))
    suffix = rng.integers(0, 5, (5, 32))
    contexts = contexts_of(suffix, index, count=9)
    (whole,) = contexts.parts(memory=2**30)
    parts = contexts.parts(memory=10 * 80)
    assert len(parts) > 3
    assert sorted(np.concatenate([part.number for part in parts])) == sorted(contexts.number)
    of_parts = [set(part.number.tolist()) for part in parts]
    assert sum(map(len, of_parts)) == len(set().union(*of_parts))
    in_parts = [pairs_of(part, index, windows) for part in parts]
    for arrays, expected in zip(
        zip(*in_parts, strict=True), pairs_of(whole, index, windows), strict=True
    ):
        np.testing.assert_array_equal(np.concatenate(arrays), expected)


def test_the_rival_is_the_most_frequent_other_token():
    windows = np.full((4, 64), 9, dtype=np.uint16)
    sequence = np.arange(100, 164)
    windows[0] = sequence
    index = NgramIndex(sequence[None], (1, 2))
    suffix = np.zeros((1, 32), dtype=np.int64)
    suffix[0, 0] = 2
    contexts = contexts_of(suffix, index)
    for last, rival in (([132, 132, 7], 1), ([132, 7, 8], 1), ([132, 7, 7], 2), ([132] * 3, 0)):
        windows[1:, :3] = [(130, 131, token) for token in last]  # the prompt's end, and a token
        for rows, alone in ((windows, False), (windows[1:], True)):
            pairs = pairs_of(contexts, index, rows)
            assert rivals(contexts, pairs, index, np.array([alone])).tolist() == [rival]


def test_a_rival_may_be_in_the_sequence_itself():
    sequence = np.arange(100, 164)
    sequence[:9] = [30, 31, 7, 30, 31, 7, 30, 31, 8]
    sequence[30:33] = [30, 31, 32]
    windows = np.full((3, 64), 9, dtype=np.uint16)
    windows[:, :3] = [[30, 31, 32], [30, 31, 8], [30, 31, 8]]
    index = NgramIndex(sequence[None], (1, 2))
    suffix = np.zeros((1, 32), dtype=np.int64)
    suffix[0, 0] = 2
    contexts = contexts_of(suffix, index)
    # After 30 31 in the sequence: twice 7, once 8; in the rows, one by one: 32, 8, 8.
    for n, rival in ((0, 2), (1, 2), (2, 2), (3, 3)):
        pairs = pairs_of(contexts, index, windows[:n])
        assert rivals(contexts, pairs, index, np.array([True])).tolist() == [rival]


def test_most_is_settled_by_how_often_the_token_follows():
    """More than half of the time: no other can; never: another does; else it is open."""
    longest = LongestContexts(1)
    count, onward = np.zeros((2, 1, 32), dtype=np.int64)
    count[0, :6] = [0, 1, 1, 4, 4, 5]
    onward[0, :6] = [0, 0, 1, 2, 3, 1]
    longest.add(3, count + 70, count, onward)
    assert longest.is_open[0, :7].tolist() == [False, False, False, True, False, True, False]
    assert longest.share[0, :6].tolist() == [0, 0, 1, 0.5, 0.75, 0.2]
    assert longest.length[0, :7].tolist() == [0, 3, 3, 3, 3, 3, 0]
    longest.add(4, count + 90, np.roll(count, -3), np.roll(onward, -3))
    assert longest.length[0, :7].tolist() == [4, 4, 4, 3, 3, 3, 0]
    assert longest.slot[0, :4].tolist() == [90, 91, 91, 74]


def test_no_contexts():
    index = NgramIndex(np.zeros((1, 64), dtype=int), (1, 2))
    contexts = contexts_of(np.zeros((1, 32), dtype=np.int64), index)
    (part,) = contexts.parts(memory=1)
    pairs = pairs_of(part, index, np.zeros((2, 64), np.uint16))
    assert rivals(contexts, pairs, index, np.array([True])).shape == (0,)
