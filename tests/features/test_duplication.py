from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from memorization.counting.counting import count_sequences
from memorization.features.duplication import FAMILY, document_counts, duplicate_counts


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
    columns = duplicate_counts(count_sequences(planted, tokens, np.arange(60)))

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
    assert (columns["near_count"] >= 1).all()
    assert (columns["variant_count"] >= columns["near_count"]).all()


def test_a_licence_header_counts_its_copies():
    """The same text in 30 files, at other offsets, once with a year changed, once cut short."""
    rng = np.random.default_rng(0)
    licence = rng.permutation(5000)[:64]
    windows = rng.integers(5000, 9000, (40, 200)).astype(np.uint16)
    for row in range(30):
        windows[row, 4 * row : 4 * row + 64] = licence
    windows[0, :64] = licence
    windows[28, 4 * 28 + 50] = 9999
    windows[29, 4 * 29 + 32 :] = 9999
    counts = duplicate_counts(count_sequences(windows, licence[None], np.array([0])))
    assert counts["sequence_count"].tolist() == [28]
    assert counts["prompt_count"].tolist() == [30]
    assert counts["continuation_count"].tolist() == [28]
    assert counts["continuation_share"].tolist() == [28 / 30]
    assert counts["near_count"].tolist() == [29]  # the changed year leaves 55 of 60 5-grams
    assert counts["variant_count"].tolist() == [29]  # half the text, but 28 of 60 5-grams


def test_documents_are_counted_once_each():
    rng = np.random.default_rng(1)
    sequence, other = rng.integers(10, 30, (2, 64)).tolist()
    # One document with the sequence twice, one with neither, one with each: 399 tokens and the end.
    stream = [
        *sequence,
        *other,
        *sequence,
        *[5] * 8,
        0,
        *other[:30],
        0,
        *sequence,
        *other,
        *[5] * 39,
    ]
    windows = np.array([*stream, 0], dtype=np.uint16).reshape(2, 200)
    assert windows[1, 0] == 0  # the end of the first document
    place = np.array([[0, 0], [200, 0]])
    counts = document_counts(windows, place, np.array([sequence, other]), np.array([0, -1]))
    assert counts.tolist() == [2, 2 + 1]


def test_published_counts_and_documents_are_there_if_known(inputs):
    plain = FAMILY.compute(replace(inputs, duplicates=None, corpus_place=None))
    assert not {"published_count", "document_count"} & plain.keys()
    place = np.arange(len(inputs.windows)) * inputs.windows.shape[1]
    known = replace(
        inputs, duplicates=inputs.index + 5, corpus_place=np.stack([place, place], axis=1)
    )
    columns = FAMILY.compute(known)
    assert columns["published_count"].tolist() == (inputs.index + 5).tolist()
    # Every row of other tokens than end-of-text is a document of its own here.
    assert columns["document_count"][3] == 4
    assert columns["document_count"][7] == 1
