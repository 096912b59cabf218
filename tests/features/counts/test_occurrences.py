from __future__ import annotations

import numpy as np
import pytest
from features.brute_counts import Corpus

from memorization.counting.copies import documents, occurrences


def test_occurrences_are_those_of_brute_force():
    rng = np.random.default_rng(0)
    windows = rng.integers(0, 2, (3000, 40)).astype(np.uint16)  # two blocks
    tokens = windows[[0, 5, 5, 2999], 3:12]
    found = occurrences(windows, tokens)
    expected = []
    for number, sequence in enumerate(tokens.tolist()):
        corpus = Corpus(windows, sequence, -1)
        places = [place for place in corpus.elsewhere(0, 9) if place[0] < len(windows)]
        expected += [(number, *place) for place in places]
    listed = zip(found.sequence, found.row, found.offset, strict=True)
    assert [tuple(map(int, entry)) for entry in listed] == expected
    assert {1, 2} <= set(found.sequence.tolist())


@pytest.mark.parametrize("length", [2, 3, 8, 64])
def test_a_sequence_of_any_length_is_found_where_it_was_put(length):
    windows = np.random.default_rng(length).integers(0, 50_000, (30, 128)).astype(np.uint16)
    tokens = windows[[4, 7], 10 : 10 + length]
    found = occurrences(windows, tokens)
    assert found.row.tolist() == [4, 7]
    assert found.offset.tolist() == [10, 10]


def test_nothing_to_find():
    windows = np.zeros((2, 70), dtype=np.uint16)
    assert len(occurrences(windows, np.ones((1, 64), dtype=int)).row) == 0
    assert len(occurrences(windows[:0], np.ones((1, 64), dtype=int)).row) == 0
    assert len(occurrences(windows, np.ones((0, 64), dtype=int)).row) == 0


@pytest.mark.parametrize("seed", range(5))
def test_documents_are_those_of_the_stream(seed):
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, 60, 40)
    owner = np.repeat(np.arange(40), lengths)
    stream = rng.integers(1, 9, len(owner)).astype(np.uint16)
    begins = np.cumsum(lengths) - lengths
    stream[begins + lengths - 1] = 0
    n = len(stream) // 16
    chosen = rng.permutation(n)[: n - 3]
    windows = stream[: n * 16].reshape(n, 16)[chosen]
    first = chosen * 16
    place = np.stack([first, begins[owner[first]]], axis=1)
    row, offset = (grid.ravel() for grid in np.meshgrid(np.arange(n - 3), np.arange(16)))
    found = documents(windows, place, row, offset)
    assert np.array_equal(found, begins[owner[first[row] + offset]])


def test_without_an_end_a_row_is_of_one_document():
    windows = np.ones((2, 4), dtype=np.uint16)
    place = np.array([[8, 3], [0, 0]])
    assert documents(windows, place, np.array([0, 0, 1]), np.array([0, 3, 2])).tolist() == [3, 3, 0]
