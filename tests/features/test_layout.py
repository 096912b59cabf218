from __future__ import annotations

import re
import zlib
from itertools import pairwise, takewhile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memorization.features.compressibility import LEVEL, RAW
from memorization.features.layout import layout_features
from memorization.features.text import Texts


def features(*whole: str) -> dict[str, np.ndarray]:
    data = [text.encode() for text in whole]
    end = np.cumsum([0, *map(len, data)])
    return layout_features(Texts(b"".join(data), np.stack([end[:-1], end[1:]], axis=1)))


def common(first: str, second: str) -> int:
    """Return how many characters two strings begin with in common."""
    return len(list(takewhile(lambda pair: pair[0] == pair[1], zip(first, second, strict=False))))


def expected(text: str) -> dict[str, float]:
    """Return the same from regular expressions, of a text of ASCII characters."""
    size, lines = max(len(text), 1), text.split("\n")
    words = re.findall("[A-Za-z]+", text)
    shape = re.sub("[0-9]+", "0", re.sub("[A-Z]+", "A", re.sub("[a-z]+", "a", text)))
    return {
        "line_prefix": sum(common(a, b) for a, b in pairwise(lines)) / size,
        "line_suffix": sum(common(a[::-1], b[::-1]) for a, b in pairwise(lines)) / size,
        "longest_word": max(map(len, text.split()), default=0),
        "path_parts": len(re.findall(r"/[\w.-]+(?=/)", text)) / size,
        "dotted_names": len(re.findall(r"[a-z]\.(?=[a-z])", text)) / size,
        "capitalized": sum(word[0].isupper() for word in words) / max(len(words), 1),
        "shape_size": len(zlib.compress(shape.encode(), LEVEL, RAW)),
    }


PIECES = [
    "ab", "a", "B", "1", "23", "\n", "\n", "\n  ", "/", "/", ".", "-", " ", "_", "key = ",
]  # fmt: skip


@settings(deadline=None, max_examples=150)
@given(texts=st.lists(st.lists(st.sampled_from(PIECES)).map("".join), min_size=1, max_size=4))
def test_every_column_equals_that_of_regular_expressions(texts):
    found = features(*texts)
    for i, text in enumerate(texts):
        own = {name: column[i] for name, column in found.items()}
        assert own == pytest.approx(expected(text)), text


def test_a_list_of_files_and_prose():
    found = features("fonts/enc/i4-1.enc\nfonts/enc/i4-2.enc\nfonts/enc", "It is.\nWe go.")
    assert found["line_prefix"].tolist() == [(13 + 9) / 47, 0]
    assert found["line_suffix"].tolist() == [(4 + 3) / 47, 1 / 13]
    assert found["longest_word"].tolist() == [18, 3]
    assert found["path_parts"].tolist() == [2 / 47, 0]
    assert found["dotted_names"].tolist() == [0, 0]
    assert found["capitalized"].tolist() == [0, 2 / 4]
