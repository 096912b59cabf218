from __future__ import annotations

from itertools import groupby, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from memorization.features.repetition import (
    common_subsequence,
    copied_run,
    distinct,
    edit_distance,
    longest_run,
    periodicity,
    previous_match,
    repetition_features,
    smallest_period,
)

# Few symbols, so that every kind of repetition occurs.
rows = arrays(np.int32, st.tuples(st.integers(1, 4), st.just(64)), elements=st.integers(0, 2))
ragged = arrays(
    np.int32, st.tuples(st.integers(1, 4), st.integers(1, 20)), elements=st.integers(0, 2)
)


@settings(deadline=None, max_examples=60)
@given(tokens=ragged)
def test_run_period_and_distinct_tokens_equal_brute_force(tokens):
    for row, run, period, n in zip(
        tokens.tolist(),
        longest_run(tokens),
        smallest_period(tokens),
        distinct(tokens),
        strict=True,
    ):
        assert run == max(len(list(group)) for _, group in groupby(row))
        assert period == min(p for p in range(1, len(row) + 1) if row[p:] == row[:-p])
        assert n == len(set(row))


@settings(deadline=None, max_examples=40)
@given(tokens=rows)
def test_copying_from_the_prompt_equals_brute_force(tokens):
    prompt, continuation = tokens[:, :32], tokens[:, 32:]
    copied, periodic = copied_run(prompt, continuation), periodicity(tokens)
    columns = repetition_features(tokens)
    for i, row in enumerate(tokens.tolist()):
        before, after = row[:32], row[32:]
        pairs = set(pairwise(before))
        own = list(pairwise(after))
        assert np.isclose(columns["overlap_bigrams"][i], sum(pair in pairs for pair in own) / 31)
        assert np.isclose(columns["overlap_tokens"][i], np.isin(after, before).mean())
        text, runs = bytes(before), bytes(after)
        assert copied[i].tolist() == [
            max(b - a for a in range(b + 1) if runs[a:b] in text) for b in range(1, 33)
        ]
        assert columns["longest_copy"][i] == max(copied[i])
        best = max(sum(row[j] == row[j - p] for j in range(32, 64)) for p in range(1, 33))
        assert np.isclose(periodic[i], best / 32)


def test_hand_made_sequences():
    constant = np.full(64, 5)
    period_three = np.tile([1, 2, 3], 22)[:64]
    all_different = np.arange(64)
    noisy = period_three.copy()
    noisy[40] = 9
    tokens = np.array([constant, period_three, all_different, noisy])
    # At 42, a multiple of 3, the wrong token 40 is compared with nothing.
    assert smallest_period(tokens).tolist() == [1, 3, 64, 42]
    assert longest_run(tokens).tolist() == [64, 1, 1, 1]
    # A wrong token spoils two comparisons, with the token p before it and the one p after it; at
    # p = 24 to 30 the latter is past the end.
    assert periodicity(tokens).tolist() == [1, 1, 0, 31 / 32]
    assert distinct(tokens).tolist() == [1, 3, 64, 4]
    columns = repetition_features(tokens)
    assert columns["longest_copy"].tolist() == [32, 31, 0, 23]
    assert columns["overlap_tokens"].tolist() == [1, 1, 0, 31 / 32]


any_two = st.tuples(st.integers(0, 12), st.integers(0, 12)).flatmap(
    lambda sizes: st.tuples(
        *(arrays(np.int32, (3, size), elements=st.integers(0, 3)) for size in sizes)
    )
)


def textbook(a: list[int], b: list[int]) -> tuple[int, int]:
    """Return Levenshtein distance and length of the longest common subsequence, by their tables."""
    edit = np.zeros((len(a) + 1, len(b) + 1), dtype=int)
    common = np.zeros_like(edit)
    edit[:, 0], edit[0] = range(len(a) + 1), range(len(b) + 1)
    for i, x in enumerate(a, 1):
        for j, y in enumerate(b, 1):
            replaced = edit[i - 1, j - 1] + (x != y)
            edit[i, j] = min(replaced, edit[i - 1, j] + 1, edit[i, j - 1] + 1)
            kept = common[i - 1, j - 1] + (x == y)
            common[i, j] = max(kept, common[i - 1, j], common[i, j - 1])
    return edit[-1, -1], common[-1, -1]


@settings(deadline=None, max_examples=60)
@given(parts=any_two)
def test_edit_distance_and_common_subsequence_equal_the_textbook(parts):
    prompt, continuation = parts
    distance, common = edit_distance(*parts), common_subsequence(*parts)
    longest = max(prompt.shape[1], continuation.shape[1], 1)
    for i, (a, b) in enumerate(zip(prompt.tolist(), continuation.tolist(), strict=True)):
        expected = textbook(a, b)
        assert distance[i] == pytest.approx(expected[0] / longest)
        assert common[i] == pytest.approx(expected[1] / max(len(b), 1))


def test_tokens_that_are_no_valid_characters_are_compared_all_the_same():
    """Token 0, surrogates, and more than any character set holds in two bytes."""
    tokens = np.array([[0, 0xD800, 0xDFFF, 1_000_000, 0, 0]])
    assert edit_distance(tokens, tokens).tolist() == [0]
    assert edit_distance(tokens, tokens[:, :4]).tolist() == [2 / 6]
    assert common_subsequence(tokens, tokens[:, ::-1]).tolist() == [3 / 6]


@settings(deadline=None, max_examples=60)
@given(tokens=ragged)
def test_previous_match_equals_brute_force(tokens):
    found = previous_match(tokens)
    for row, own in zip(tokens.tolist(), found.tolist(), strict=True):
        for i in range(len(row)):
            lengths = [
                n
                for n in range(len(row) - i + 1)
                for j in range(i)
                if row[j : j + n] == row[i : i + n]
            ]
            assert own[i] == max(lengths, default=0)


def test_the_same_token_64_times():
    columns = repetition_features(np.full((1, 64), 7))
    expected = {
        "prompt_distinct": 1 / 32,
        "continuation_distinct": 1 / 32,
        "sequence_distinct": 1 / 64,
        "longest_run": 64,
        "prompt_period": 1,
        "continuation_period": 1,
        "sequence_period": 1,
        "prompt_periodicity": 1,
        "periodicity": 1,
        "overlap_tokens": 1,
        "overlap_bigrams": 1,
        "longest_copy": 32,
        "longest_repeat": 63,
        "edit_distance": 0,
        "common_subsequence": 1,
    }
    assert {name: column[0] for name, column in columns.items()} == expected
