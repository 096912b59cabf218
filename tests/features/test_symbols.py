from __future__ import annotations

import re

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from memorization.features.symbols import hashes, letters, numbers, symbols
from memorization.features.text import Texts

NUMBER = re.compile(rb"(?<![\w])0[xX][0-9a-fA-F]{1,15}(?![\w])|[0-9]+")


def as_texts(whole: list[bytes]) -> Texts:
    end = np.cumsum([0, *map(len, whole)])
    return Texts(b"".join(whole), np.stack([end[:-1], end[1:]], axis=1))


parts = st.sampled_from(
    [b"0x1F", b"0X", b"x", b"0", b"12", b"a", b"f", b"_", b" ", b"\n", b"'", b"\\", b",", b"\xc3"]
)
some_texts = st.lists(st.lists(parts, max_size=12).map(b"".join), min_size=1, max_size=4)


@settings(deadline=None, max_examples=150)
@given(whole=some_texts)
def test_numbers_equal_a_regular_expression(whole):
    found = numbers(as_texts(whole))
    expected = [
        (row, match.start(), match.end(), int(match[0], 16 if b"x" in match[0].lower() else 10))
        for row, text in enumerate(whole)
        for match in re.finditer(_bytes_word(NUMBER), text)
    ]
    offset = np.cumsum([0, *map(len, whole)])[:-1]
    assert list(zip(found.row, found.begin, found.end, found.value, strict=True)) == [
        (row, offset[row] + begin, offset[row] + end, value) for row, begin, end, value in expected
    ]


def _bytes_word(pattern: re.Pattern[bytes]) -> re.Pattern[bytes]:
    """Let bytes of characters beyond ASCII count as parts of words, as they do in text."""
    return re.compile(pattern.pattern.replace(rb"[\w]", rb"[\w\x80-\xff]"))


@settings(deadline=None, max_examples=80)
@given(whole=some_texts)
def test_letters_equal_a_regular_expression(whole):
    found = letters(as_texts(whole))
    pattern = re.compile(rb"(?<![\w\x80-\xff])[a-zA-Z](?![\w\x80-\xff])")
    expected = [
        (row, match[0][0]) for row, text in enumerate(whole) for match in pattern.finditer(text)
    ]
    assert list(zip(found.row, found.value, strict=True)) == expected


@settings(deadline=None, max_examples=80)
@given(whole=st.lists(st.text("ab1 2',\n", max_size=20), min_size=1, max_size=4))
def test_symbols_equal_a_split(whole):
    found = symbols(as_texts([text.encode() for text in whole]))
    expected = [re.findall(r"\d+|[^\d\s]+", re.sub(r"'", "", text)) for text in whole]
    assert np.diff(found.bounds).tolist() == [len(parts) for parts in expected]
    flat = [part for parts in expected for part in parts]
    assert found.value.tolist() == [int(part) if part.isdigit() else 0 for part in flat]
    assert ((found.key == 0) == [part.isdigit() for part in flat]).all()
    key_of = dict(zip(flat, found.key.tolist(), strict=True))
    assert [key_of[part] for part in flat] == found.key.tolist()
    strings = {part for part in flat if not part.isdigit()}
    assert len({key_of[part] for part in strings}) == len(strings)


def test_hashes_tell_permutations_and_lengths_apart():
    words = [b"ab", b"ba", b"a", b"aa", b"aaa", b"\0", b"\0\0"]
    end = np.cumsum([len(word) for word in words])
    data = np.frombuffer(b"".join(words), np.uint8)
    assert len(set(hashes(data, np.append(0, end[:-1]), end).tolist())) == len(words)
