"""What holds for every family that is computed from the text alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memorization.features import FAMILIES
from memorization.features.compressibility import compressibility_features
from memorization.features.layout import layout_features
from memorization.features.register import register_features
from memorization.features.repetition import repetition_features
from memorization.features.surface import surface_features
from memorization.features.template import template_features
from memorization.features.text import TokenTable, texts, token_bytes

LICENCE = (
    "Redistribution and use in source and binary forms, with or without modification, are "
    "permitted provided that the following conditions are met:\n\n1. Redistributions of source "
    "code must retain the above copyright notice, this list of conditions and the following "
    "disclaimer.\n\n2. Redistributions in binary form must reproduce the above copyright notice"
)
# End-of-text, nothing, characters whole and cut, a surrogate, marks of several bytes, numbers.
PIECES = [
    b"\0", b"", b"a", b" the", "😀".encode(), "語".encode()[:1], b"\x80\x80", b"\xed\xa0\x80",
    b"://", b"<", b"0x", b"ff", b"1", b"99999999999999999999", b"\n  ", b"((", b"]", b"'",
    b" " * 200,
]  # fmt: skip


def every_column(tokens: np.ndarray, pieces: list[bytes]) -> dict[str, np.ndarray]:
    table = TokenTable.of(pieces)
    text = texts(table, tokens)
    families = {
        "repetition": repetition_features(tokens),
        "template": template_features(text),
        "compressibility": compressibility_features(tokens, table),
        "surface": surface_features(text),
        "register": register_features(text),
        "layout": layout_features(text),
    }
    return {f"{f}.{name}": values for f, own in families.items() for name, values in own.items()}


@settings(deadline=None, max_examples=60)
@given(
    tokens=st.sampled_from([1, 2, 5, 32, 33, 64, 90]).flatmap(
        lambda length: st.lists(
            st.lists(st.integers(0, len(PIECES) - 1), min_size=length, max_size=length),
            min_size=1,
            max_size=4,
        )
    )
)
def test_any_tokens_of_any_number_have_finite_features_which_no_other_row_changes(tokens):
    together = every_column(np.array(tokens), PIECES)
    for name, values in together.items():
        assert np.isfinite(values).all(), name
    alone = [every_column(np.array([row]), PIECES) for row in tokens]
    for name, values in together.items():
        assert values.tolist() == [own[name][0] for own in alone], name


@pytest.mark.parametrize("n", [0, 2])
@pytest.mark.parametrize("length", [0, 1, 64])
def test_texts_without_a_byte(length, n):
    columns = every_column(np.full((n, length), 1), PIECES)
    assert all(np.isfinite(values).all() and values.shape == (n,) for values in columns.values())
    assert not any(values.any() for name, values in columns.items() if name.startswith("surface."))
    declared = {
        f"{family}.{feature.name}"
        for family in ("repetition", "template", "compressibility", "surface", "register", "layout")
        for feature in FAMILIES[family].features
        if feature.tier == "text"
    }
    assert columns.keys() == declared


def test_a_licence_header(tokenizer):
    encoded = tokenizer.encode(LICENCE).ids[:256]
    found = every_column(np.array([encoded]), token_bytes(tokenizer))
    assert not found["template.incrementing"][0]
    assert found["template.progression"][0] == 0
    assert found["surface.sequence_digits"][0] < 0.02
    assert found["surface.tag_count"][0] == found["surface.url_count"][0] == 0
    assert found["repetition.longest_repeat"][0] > len("Redistribution") // 2


def test_the_end_of_text_token_64_times():
    found = every_column(np.zeros((1, 64), dtype=int), PIECES)
    assert found["repetition.sequence_period"] == [1]
    assert found["template.repeating"] == [True]
    assert found["compressibility.token_entropy"] == [0]
    assert found["compressibility.zlib_ratio"] < 0.2
    assert found["surface.sequence_entropy"] == [0]
    assert found["surface.character_count"] == [64]
