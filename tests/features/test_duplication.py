from __future__ import annotations

import numpy as np
import pytest

from memorization.features.duplication import duplicate_counts


def find_all(text: bytes, part: bytes) -> list[int]:
    """Offsets of a string in another, overlaps included."""
    places, place = [], text.find(part)
    while place >= 0:
        places.append(place)
        place = text.find(part, place + 1)
    return places


@pytest.fixture(scope="module")
def planted():
    """Windows of two symbols into which halves and wholes of sequences are copied."""
    rng = np.random.default_rng(0)
    windows = rng.integers(1, 3, (60, 128)).astype(np.uint16)
    for row in range(30, 60):
        source, offset, kind = rng.integers(0, 4), rng.integers(0, 64), rng.integers(0, 3)
        part = (slice(0, 32), slice(32, 64), slice(0, 64))[kind]
        length = part.stop - part.start
        windows[row, offset : offset + length] = windows[source, part]
    windows[20] = 1
    windows[59, 96:] = windows[0, :32]  # a prompt at the end of a window: no continuation follows
    return windows


def test_counts_equal_find_on_bytes(planted):
    tokens = planted[:, :64]
    texts = [row.astype(np.uint8).tobytes() for row in planted]
    sequences = [row.astype(np.uint8).tobytes() for row in tokens]
    columns = duplicate_counts(planted, tokens.astype(np.int32))

    def count(part):
        return [sum(len(find_all(text, s[part])) for text in texts) for s in sequences]

    assert columns["sequence_count"].tolist() == count(slice(0, 64))
    assert columns["prompt_count"].tolist() == count(slice(0, 32))
    assert columns["continuation_count"].tolist() == count(slice(32, 64))
    assert columns["sequence_count"][20] == 65  # every offset of the constant window
    followed = [
        sum(place <= 64 for text in texts for place in find_all(text, s[:32])) for s in sequences
    ]
    assert np.allclose(columns["continuation_share"], columns["sequence_count"] / followed)
    assert columns["prompt_count"][0] > followed[0]


def test_counts_do_not_depend_on_the_order_of_the_windows(planted):
    tokens = planted[:, :64]
    shuffled = np.random.default_rng(1).permutation(planted)
    for before, after in zip(
        duplicate_counts(planted, tokens).values(),
        duplicate_counts(shuffled, tokens).values(),
        strict=True,
    ):
        assert np.array_equal(before, after)


def test_a_text_that_was_never_seen_counts_zero(planted):
    columns = duplicate_counts(planted, np.full((1, 64), 9))
    assert {name: column.tolist() for name, column in columns.items()} == {
        "sequence_count": [0],
        "prompt_count": [0],
        "continuation_count": [0],
        "continuation_share": [0.0],
    }
