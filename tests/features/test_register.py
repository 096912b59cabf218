from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memorization.features.register import CLASSES, LETTERS, register_features, word_code
from memorization.features.text import Texts


def features(*whole: str) -> dict[str, np.ndarray]:
    data = [text.encode() for text in whole]
    end = np.cumsum([0, *map(len, data)])
    return register_features(Texts(b"".join(data), np.stack([end[:-1], end[1:]], axis=1)))


# Listed words, in other cases, inside other words, and next to what is no letter.
PIECES = [
    "you", "YOUR", "Of", "use", "String", "or", "license", "licenses", "distributed", "a", "I", " ",
    " ", "_", "1", "é", "\n", "'", "incomprehensibilities",
]  # fmt: skip


@settings(deadline=None, max_examples=80)
@given(texts=st.lists(st.lists(st.sampled_from(PIECES)).map("".join), min_size=1, max_size=4))
def test_shares_of_words_equal_those_of_a_regular_expression(texts):
    found = features(*texts)
    for i, text in enumerate(texts):
        words = re.findall("[A-Za-z]+", text)
        for name, listed in CLASSES.items():
            inside = sum(word.lower() in listed.split() for word in words)
            assert found[name][i] == pytest.approx(inside / max(len(words), 1))


def test_every_listed_word_has_a_code_of_its_own():
    words = {word for listed in CLASSES.values() for word in listed.split()}
    assert all(re.fullmatch(f"[a-z]{{1,{LETTERS}}}", word) for word in words)
    assert len({word_code(word) for word in words}) == len(words)
    assert max(map(word_code, words)) < 2**62


def test_a_notice_a_story_and_data():
    notice = "You may use this software under the terms of the license, all rights reserved."
    story = "He was late, and she had said that they came from their house in March."
    found = features(notice, story, "12.5 -3.7; 0x1F")
    assert found["legal"].tolist() == [5 / 14, 0, 0]
    assert found["second_person"].tolist() == [1 / 14, 0, 0]
    assert found["preposition"].tolist() == [1 / 14, 2 / 15, 0]
    assert found["past"].tolist() == [0, 4 / 15, 0]
