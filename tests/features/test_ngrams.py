from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memorization.features import ngrams
from memorization.features.ngrams import counts, distinct_rows, occurrences, row_chunks


def brute_occurrences(windows, patterns):
    """Every (pattern, row, offset), by comparing Python lists."""
    found = []
    for row, tokens in enumerate(windows.tolist()):
        for offset in range(len(tokens)):
            for number, pattern in enumerate(patterns.tolist()):
                if tokens[offset : offset + len(pattern)] == pattern:
                    found.append((number, row, offset))
    return found


def brute_counts(windows, patterns):
    found = [number for number, _, _ in brute_occurrences(windows, patterns)]
    return [found.count(number) for number in range(len(patterns))]


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 2**32 - 1),
    length=st.integers(1, 12),
    n_symbols=st.integers(1, 3),
)
def test_counts_equal_brute_force_at_any_length(seed, length, n_symbols):
    rng = np.random.default_rng(seed)
    symbols = rng.integers(0, 2**16, n_symbols)  # few symbols: many occurrences, many overlaps
    windows = symbols[rng.integers(0, n_symbols, (6, 14))].astype(np.uint16)
    patterns = symbols[rng.integers(0, n_symbols, (9, length))]
    assert counts(windows, patterns).tolist() == brute_counts(windows, patterns)


def test_occurrences_name_pattern_row_and_offset():
    rng = np.random.default_rng(1)
    windows = rng.integers(0, 2, (8, 12)).astype(np.uint16)
    patterns = np.array([[0, 1, 1], [1, 1, 1], [0, 0, 0]])
    (found,) = occurrences(windows, patterns)
    listed = list(zip(found.pattern, found.row, found.offset, strict=True))
    assert listed == brute_occurrences(windows, patterns)


def test_occurrences_do_not_cross_rows():
    windows = np.array([[1, 2], [3, 4]], dtype=np.uint16)
    assert counts(windows, np.array([[2, 3], [1, 2]])).tolist() == [0, 1]


def test_rows_of_later_chunks_are_numbered_from_the_first_row():
    rng = np.random.default_rng(2)
    windows = rng.integers(0, 50_000, (5000, 128)).astype(np.uint16)
    assert len(list(row_chunks(windows))) > 2
    places = [(3, 0), (2047, 96), (2048, 5), (4999, 96)]
    patterns = np.array([windows[row, offset : offset + 32] for row, offset in places])
    found = [
        (int(pattern), int(row), int(offset))
        for chunk in occurrences(windows, patterns)
        for pattern, row, offset in zip(chunk.pattern, chunk.row, chunk.offset, strict=True)
    ]
    assert found == [(i, row, offset) for i, (row, offset) in enumerate(places)]


def test_a_collision_between_data_and_pattern_is_not_counted(monkeypatch):
    table = ngrams._table(0)
    table[2] = table[1]  # tokens 1 and 2 now hash alike
    monkeypatch.setattr(ngrams, "_table", lambda salt: table)
    windows = np.array([[1, 1, 2, 1, 1, 1]], dtype=np.uint16)
    pattern = np.array([[1, 1]])
    hashes = ngrams._hashes(windows, 2, table)
    assert (hashes == ngrams._hashes(pattern.astype(np.uint16), 2, table)).all()
    assert counts(windows, pattern).tolist() == [3]


def test_a_collision_between_patterns_draws_another_table(monkeypatch):
    draw = ngrams._table
    drawn = []

    def first_one_is_constant(salt):
        drawn.append(salt)
        return np.ones_like(draw(0)) if salt == 0 else draw(salt)

    monkeypatch.setattr(ngrams, "_table", first_one_is_constant)
    windows = np.array([[1, 2, 3, 1, 2, 1]], dtype=np.uint16)
    assert counts(windows, np.array([[1, 2], [2, 1], [1, 2]])).tolist() == [2, 1, 2]
    assert 1 in drawn


def test_hashes_of_a_length_are_as_distinct_as_the_runs():
    """A weak hash would still count right, but slowly: 64-bit hashes must not collide here."""
    rng = np.random.default_rng(3)
    rows = rng.integers(0, 2, (200, 128)).astype(np.uint16)
    for length in (2, 7, 32, 64):
        runs = np.lib.stride_tricks.sliding_window_view(rows, length, axis=1).reshape(-1, length)
        hashes = ngrams._hashes(rows, length, ngrams._table(0))
        assert len(np.unique(hashes)) == len(np.unique(runs, axis=0))


def test_distinct_rows_are_those_of_numpy():
    rng = np.random.default_rng(4)
    rows = rng.integers(0, 3, (300, 4))
    distinct, which = distinct_rows(rows)
    assert np.array_equal(distinct[which], rows)
    assert len(distinct) == len(np.unique(rows, axis=0))


def test_no_patterns():
    windows = np.zeros((2, 4), dtype=np.uint16)
    assert counts(windows, np.zeros((0, 3), dtype=int)).tolist() == []


def test_patterns_that_repeat_or_do_not_fit_are_refused():
    windows = np.zeros((2, 4), dtype=np.uint16)
    with pytest.raises(ValueError, match="distinct"):
        next(occurrences(windows, np.array([[1], [1]])))
    with pytest.raises(ValueError, match="5 tokens in rows of 4"):
        next(occurrences(windows, np.zeros((1, 5), dtype=int)))
