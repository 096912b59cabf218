from __future__ import annotations

from itertools import groupby, pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from memorization.features import repetition
from memorization.features.repetition import (
    bigrams,
    distinct_ratio,
    longest_copy,
    longest_run,
    overlap,
    periodicity,
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
    for row, run, period, ratio in zip(
        tokens.tolist(),
        longest_run(tokens),
        smallest_period(tokens),
        distinct_ratio(tokens),
        strict=True,
    ):
        assert run == max(len(list(group)) for _, group in groupby(row))
        assert period == min(p for p in range(1, len(row) + 1) if row[p:] == row[:-p])
        assert np.isclose(ratio, len(set(row)) / len(row))


@settings(deadline=None, max_examples=40)
@given(tokens=rows)
def test_copying_from_the_prompt_equals_brute_force(tokens):
    prompt, continuation = tokens[:, :32], tokens[:, 32:]
    bigram_overlap = overlap(bigrams(prompt), bigrams(continuation))
    copies, periodic = longest_copy(prompt, continuation), periodicity(tokens)
    for i, row in enumerate(tokens.tolist()):
        before, after = row[:32], row[32:]
        pairs = set(pairwise(before))
        own = list(pairwise(after))
        assert np.isclose(bigram_overlap[i], sum(pair in pairs for pair in own) / 31)
        text, runs = bytes(before), bytes(after)
        assert copies[i] == max(b - a for a in range(33) for b in range(a, 33) if runs[a:b] in text)
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
    assert distinct_ratio(tokens).tolist() == [1 / 64, 3 / 64, 1, 4 / 64]
    prompt, continuation = tokens[:, :32], tokens[:, 32:]
    assert longest_copy(prompt, continuation).tolist() == [32, 31, 0, 23]
    assert overlap(prompt, continuation).tolist() == [1, 1, 0, 31 / 32]


def test_bigrams_are_distinct_numbers():
    tokens = np.array([[1, 2, 1, 65535, 0, 65535, 65535]])
    assert len(np.unique(bigrams(tokens))) == 6


def test_chunks_of_sequences_do_not_change_the_result(monkeypatch):
    tokens = np.random.default_rng(0).integers(0, 4, (50, 64))
    prompt, continuation = tokens[:, :32], tokens[:, 32:]
    whole = overlap(prompt, continuation), longest_copy(prompt, continuation)
    monkeypatch.setattr(repetition, "CHUNK", 7)
    assert np.array_equal(overlap(prompt, continuation), whole[0])
    assert np.array_equal(longest_copy(prompt, continuation), whole[1])
