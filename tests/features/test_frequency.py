from __future__ import annotations

import heapq
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from features.conftest import taken

from memorization.features.frequency import (
    FAMILY,
    Rarity,
    frequency_features,
    huffman_lengths,
    rare_level,
)


def features(token_count, tokens):
    return frequency_features(Rarity.of(token_count), token_count[tokens])


def test_rare_tokens_make_up_at_most_the_share_and_the_next_level_would_exceed_it():
    count = np.random.default_rng(1).integers(0, 40, 500)
    level = rare_level(count, share=0.1)
    rare = count <= level
    next_level = count == count[~rare].min()
    assert count[rare].sum() <= 0.1 * count.sum() < count[rare | next_level].sum()
    assert rare_level(np.array([3, 3]), share=0.1) == 2  # all are common, an unseen one is not


def test_features_of_a_hand_computed_sequence():
    count = np.array([0, 7, 70, 20])  # three types, 97 tokens: smoothed denominator 101
    tokens = np.full((1, 64), 2)
    tokens[0, :16] = 3
    tokens[0, 40] = 1
    columns = features(count, tokens)
    common, middle, rare = np.log(71 / 101), np.log(21 / 101), np.log(8 / 101)
    assert np.isclose(columns["prompt_mean"][0], (middle + common) / 2)
    assert np.isclose(columns["prompt_min"][0], middle)
    assert np.isclose(columns["prompt_quartile"][0], middle)
    assert np.isclose(columns["prompt_median"][0], (middle + common) / 2)
    assert columns["prompt_rare_share"][0] == 0
    assert np.isclose(columns["continuation_mean"][0], (31 * common + rare) / 32)
    assert np.isclose(columns["continuation_min"][0], rare)
    assert np.isclose(columns["continuation_quartile"][0], common)
    assert np.isclose(columns["sequence_median"][0], common)
    assert columns["continuation_rare_share"][0] == 1 / 32
    assert columns["sequence_rare_share"][0] == 1 / 64
    assert columns["sequence_rarest_share"][0] == 0
    # The code: 1 bit for the token seen 70 times, 2 for the others.
    assert columns["prompt_huffman"][0] == 1.5
    assert columns["continuation_huffman"][0] == 33 / 32


def test_a_token_that_was_never_seen_is_finite_and_rare():
    columns = features(np.array([0, 50]), np.zeros((1, 64), dtype=int))
    assert np.isclose(columns["sequence_mean"][0], np.log(1 / 52))
    assert columns["sequence_rare_share"][0] == columns["sequence_rarest_share"][0] == 1
    empty = features(np.zeros(9, dtype=int), np.zeros((1, 64), dtype=int))
    assert all(np.isfinite(column).all() for column in empty.values())


@pytest.mark.parametrize("n", [2, 3, 10, 1000])
def test_huffman_code_is_complete_ordered_and_as_short_as_the_sum_of_its_nodes(n):
    rng = np.random.default_rng(n)
    count = np.floor(1 / rng.random(n) ** 1.5).astype(int)
    lengths = huffman_lengths(count)
    assert sum(2.0**-length for length in lengths) == 1  # Kraft
    order = np.argsort(count, kind="stable")
    assert (np.diff(lengths[order][np.append(True, np.diff(count[order]) > 0)]) <= 0).all()
    nodes, total = count.tolist(), 0
    heapq.heapify(nodes)
    while len(nodes) > 1:
        node = heapq.heappop(nodes) + heapq.heappop(nodes)
        heapq.heappush(nodes, node)
        total += node
    assert (lengths * count).sum() == total
    p = count / count.sum()
    entropy = -(p * np.log2(p)).sum()
    assert entropy <= (p * lengths).sum() < entropy + 1


def test_no_code_of_few_tokens_is_shorter():
    rng = np.random.default_rng(0)
    for _ in range(10):
        count = rng.integers(1, 30, 5)
        best = min(
            (count * np.array(lengths)).sum()
            for lengths in product(range(1, 6), repeat=5)
            if sum(2.0**-length for length in lengths) <= 1
        )
        assert (count * huffman_lengths(count)).sum() == best


def test_a_count_between_two_levels_takes_the_code_of_the_rarer():
    rarity = Rarity.of(np.array([8, 4, 2, 2, 0]))
    assert rarity.code_bits(np.array([1, 2, 3, 4, 7, 8, 99])).tolist() == [3, 3, 3, 2, 2, 1, 1]


def test_in_one_corpus_a_sequence_is_looked_up_alike_whether_it_is_a_row_or_not(inputs):
    """The tables are the corpus's; what is looked up in them is the same for both."""
    windows = inputs.windows[:, :64]
    twice = np.concatenate([windows, windows[[7]]])  # row 7 is there twice ...
    base = {"windows": twice, "index": np.arange(1), "tokens": inputs.tokens[[7]]}
    one = replace(taken(inputs, np.array([7])), **base, rows=np.array([7]))
    # ... in which sequence 7 counts row 7 as its own; without a row, it is one more.
    other = replace(one, rows=np.array([-1]))
    token_count = np.bincount(twice.ravel(), minlength=2**16)
    held = np.bincount(inputs.tokens[7], minlength=2**16)
    assert one.counts.elsewhere[1][0].tolist() == (token_count[inputs.tokens[7]] - 1).tolist()
    assert (
        other.counts.elsewhere[1][0].tolist()
        == ((token_count + held)[inputs.tokens[7]] - 1).tolist()
    )
    columns = FAMILY.compute(one)
    assert columns["sequence_mean"][0] == features(token_count, inputs.tokens[[7]])["sequence_mean"]


def test_published_counts_are_taken_in_place_of_the_rows(inputs):
    published = np.arange(300) * 1000 + 1
    columns = FAMILY.compute(replace(inputs, token_count=published))
    expected = features(published, inputs.tokens)
    for name, column in columns.items():
        np.testing.assert_array_equal(column, expected[name])
