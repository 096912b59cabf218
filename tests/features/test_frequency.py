from __future__ import annotations

from collections import Counter

import numpy as np

from memorization.features.frequency import frequency_features, rare_tokens, token_counts


def test_token_counts_equal_a_counter():
    windows = np.random.default_rng(0).integers(0, 2**16, (5000, 70)).astype(np.uint16)
    counter = Counter(windows.ravel().tolist())
    assert token_counts(windows).tolist() == [counter[token] for token in range(2**16)]


def test_rare_tokens_make_up_at_most_the_share_and_the_next_level_would_exceed_it():
    count = np.random.default_rng(1).integers(0, 40, 500)
    rare = rare_tokens(count, share=0.1)
    next_level = count == count[~rare].min()
    assert count[rare].sum() <= 0.1 * count.sum() < count[rare | next_level].sum()
    assert count[rare].max() < count[~rare].min()


def test_features_of_a_hand_computed_sequence():
    count = np.array([0, 7, 70, 20])  # three types, 97 tokens: smoothed denominator 101
    tokens = np.full((1, 64), 2)
    tokens[0, :16] = 3
    tokens[0, 40] = 1
    columns = frequency_features(count, tokens)
    common, middle, rare = np.log(71 / 101), np.log(21 / 101), np.log(8 / 101)
    assert np.isclose(columns["prompt_mean"][0], (middle + common) / 2)
    assert np.isclose(columns["prompt_min"][0], middle)
    assert np.isclose(columns["prompt_quartile"][0], middle)
    assert columns["prompt_rare_share"][0] == 0
    assert np.isclose(columns["continuation_mean"][0], (31 * common + rare) / 32)
    assert np.isclose(columns["continuation_min"][0], rare)
    assert np.isclose(columns["continuation_quartile"][0], common)
    assert columns["continuation_rare_share"][0] == 1 / 32
    assert columns["sequence_rare_share"][0] == 1 / 64


def test_a_token_that_was_never_seen_is_finite_and_rare():
    columns = frequency_features(np.array([0, 50]), np.zeros((1, 64), dtype=int))
    assert np.isclose(columns["sequence_mean"][0], np.log(1 / 52))
    assert columns["sequence_rare_share"][0] == 1
