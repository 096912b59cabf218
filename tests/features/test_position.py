from __future__ import annotations

from dataclasses import replace

import numpy as np

from memorization.features.position import FAMILY, document_share, first_end_of_text


def test_the_next_end_of_text_is_counted_from_the_end_of_the_sequence(inputs):
    context = np.ones((12, 80), dtype=np.uint16)
    context[0, [3, 63, 64]] = 0  # right after the sequence, and twice before
    context[1, 79] = 0
    columns = FAMILY.compute(replace(inputs, context=context))
    assert columns["next_end_of_text"][:3].tolist() == [0, 15, 16]


def test_the_place_in_the_document(inputs):
    columns = FAMILY.compute(replace(inputs, offset=np.arange(12), document_length=np.full(12, 24)))
    assert columns["preceding_token_count"].tolist() == list(range(12))
    assert np.allclose(columns["document_share"], np.arange(12) / 24)
    assert columns["document_token_count"].tolist() == [24] * 12


def test_what_is_not_known_has_no_column(inputs):
    bare = replace(inputs, context=None, offset=None, document_length=None, epoch=None, step=None)
    assert list(FAMILY.compute(bare)) == ["end_of_text"]
    assert list(FAMILY.compute(replace(bare, epoch=np.arange(12)))) == ["end_of_text", "epoch"]


def test_ends_of_text_in_sequences_of_any_length():
    assert first_end_of_text(np.zeros((2, 0), dtype=int)).tolist() == [0, 0]
    assert first_end_of_text(np.array([[0], [5]])).tolist() == [0, 1]
    assert document_share(np.array([0]), np.array([0])).tolist() == [0]
