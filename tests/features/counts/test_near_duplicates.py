from __future__ import annotations

import numpy as np
import pytest
from features.brute_counts import near_rows

from memorization.counting import copies
from memorization.counting.copies import NearDuplicates
from memorization.counting.ngram_index import NgramIndex, row_blocks

LENGTHS = (1, 2, 4, 5, 10, 20, 40, 64)


def near(windows, tokens, rows, block=2**16, rarity=None):
    index = NgramIndex(tokens, LENGTHS)
    shape = (len(tokens), 60)
    counter = NearDuplicates(index, np.zeros(shape, np.int64) if rarity is None else rarity)
    for _, part in row_blocks(windows, block):
        for matches in index.matches(part):
            if matches.length == 5:
                counter.visit(part, matches)
    return counter.elsewhere(rows)


@pytest.fixture(scope="module")
def corpus():
    """Rows that hold from none to all of the first four, shuffled, shifted and mixed."""
    rng = np.random.default_rng(0)
    windows = rng.integers(0, 500, (80, 90)).astype(np.uint16)
    windows[1] = 1
    windows[2] = np.resize(np.arange(6), 90)
    for row in range(4, 70):
        source, start, end = rng.integers(0, 4), *np.sort(rng.integers(0, 65, 2))
        shift = rng.integers(0, 27)
        windows[row, start + shift : end + shift] = windows[source, start:end]
    windows[70, :45], windows[70, 45:] = windows[0, 20:65], windows[0, :45]
    windows[71] = windows[3]
    return windows


def test_counts_equal_sets_of_tuples(corpus):
    tokens = corpus[[0, 1, 2, 3, 9, 71, 5], :64]
    rows = np.array([0, 1, 2, 3, -1, 71, 5])
    expected = {
        share: [
            near_rows(corpus, sequence, row, share)
            for sequence, row in zip(tokens.tolist(), rows.tolist(), strict=True)
        ]
        for share in (0.5, 0.8)
    }
    found = near(corpus, tokens, rows)
    assert {share: count.tolist() for share, count in found.items()} == expected
    assert expected[0.5][0] > expected[0.8][0] > 0
    # Neither the blocks, nor how many pairs are listed and checked at a time, nor which 5-grams are
    # looked at first changes what is counted.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(copies, "_LISTED", 3)
        patch.setattr(copies, "_CHECKED", 2)
        rarity = np.random.default_rng(1).integers(0, 9, (len(tokens), 60))
        again = near(corpus, tokens, rows, block=200, rarity=rarity)
    assert {share: count.tolist() for share, count in again.items()} == expected


def test_one_changed_token_leaves_55_of_60_and_seven_leave_less_than_half():
    sequence = np.arange(1, 65)
    changed = np.tile(sequence, (7, 1)).astype(np.uint16)
    for row in range(7):
        changed[row, 4 : 4 + 9 * (row + 1) : 9] = 999  # each costs five 5-grams
    counts = near(changed, sequence[None], np.array([-1]))
    held = [60 - 5 * (row + 1) for row in range(7)]
    assert counts[0.8].tolist() == [sum(h >= 48 for h in held)] == [2]
    assert counts[0.5].tolist() == [sum(h >= 30 for h in held)] == [6]


def test_the_order_of_the_text_does_not_matter_and_an_unrelated_row_does_not_count():
    sequence = np.arange(1, 65)
    rows = np.stack([np.roll(sequence, 30), sequence + 100]).astype(np.uint16)
    # Turned by 30, the four 5-grams across the turn are lost.
    assert near(rows, sequence[None], np.array([-1]))[0.8].tolist() == [1]
