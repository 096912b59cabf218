from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from memorization.features.symbols import letters, numbers, symbols, without_quotes

NUMBER = re.compile(rb"(?<![\w])0[xX][0-9a-fA-F]{1,15}(?![\w])|[0-9]+")


def found_in(text: bytes, find: Callable[[np.ndarray, np.ndarray], int]) -> list[list[int]]:
    """Return what a function finds: begin, end and value."""
    found = np.zeros((len(text), 3), dtype=np.int64)
    return found[: find(np.frombuffer(text, np.uint8), found)].tolist()


parts = st.sampled_from(
    [b"0x1F", b"0X", b"x", b"0", b"12", b"a", b"f", b"_", b" ", b"\n", b"'", b"\\", b",", b"\xc3"]
)
some_text = st.lists(parts, max_size=12).map(b"".join)


@settings(deadline=None, max_examples=300)
@given(text=some_text)
def test_numbers_equal_a_regular_expression(text):
    assert found_in(text, numbers) == [
        [match.start(), match.end(), int(match[0], 16 if b"x" in match[0].lower() else 10)]
        for match in re.finditer(_bytes_word(NUMBER), text)
        if match.end() - match.start() <= 18
    ]


def _bytes_word(pattern: re.Pattern[bytes]) -> re.Pattern[bytes]:
    """Let bytes of characters beyond ASCII count as parts of words, as they do in text."""
    return re.compile(pattern.pattern.replace(rb"[\w]", rb"[\w\x80-\xff]"))


@settings(deadline=None, max_examples=150)
@given(text=some_text)
def test_letters_equal_a_regular_expression(text):
    pattern = re.compile(rb"(?<![\w\x80-\xff])[a-zA-Z](?![\w\x80-\xff])")
    assert found_in(text, letters) == [
        [match.start(), match.end(), match[0][0]] for match in pattern.finditer(text)
    ]


@settings(deadline=None, max_examples=150)
@given(text=st.text("ab1 2',\n\\", max_size=20).map(str.encode))
def test_symbols_equal_a_split(text):
    plain = without_quotes(np.frombuffer(text, np.uint8)).tobytes()
    assert plain == re.sub(rb"['\"\\]", b"", text)
    assert found_in(plain, symbols) == [
        [match.start(), match.end(), int(match[0]) if match[0].isdigit() else -1]
        for match in re.finditer(rb"\d+|[^\d\s]+", plain)
    ]


def test_digits_that_no_number_holds_are_part_of_a_string():
    assert found_in(b"a" + b"9" * 19 + b"b 1", symbols) == [[0, 21, -1], [22, 23, 1]]
