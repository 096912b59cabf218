from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memorization.features.template import (
    LAGS,
    TERMS,
    incrementing,
    letters,
    numbers,
    repeated_block,
    symbols,
    template_features,
    without_quotes,
)
from memorization.features.text import Texts


def as_texts(halves: list[tuple[str, str]]) -> Texts:
    """Return texts of one token a byte, the first half in place of the prompt."""
    parts = [part.encode() for pair in halves for part in pair]
    end = np.cumsum([0, *map(len, parts)])
    start = np.stack([end[:-1:2], end[1::2], end[2::2]], axis=1)
    # 32 columns of the prompt's start, so that the middle is where PROMPT says.
    return Texts(b"".join(parts), np.hstack([np.repeat(start[:, :1], 32, axis=1), start[:, 1:]]))


def features(*whole: str) -> dict[str, list]:
    columns = template_features(as_texts([(t[: len(t) // 2], t[len(t) // 2 :]) for t in whole]))
    return {name: column.tolist() for name, column in columns.items()}


def published_split(text: str) -> list[int | str]:
    """Cut a text into numbers and strings as Prashanth et al. do (``split_text``)."""
    words = re.sub(r"['\"\\]", "", text).split()
    parts = [part for word in words for part in re.split("([0-9]+)", word) if part]
    return [int(part) if part.isdigit() else part for part in parts]


def published_incrementing(splits: list[int | str]) -> bool:
    """Decide as Prashanth et al. do, except that the difference of a shorter template that failed
    is forgotten (theirs carries over), and that three numbers must not bend either way.
    """
    if len(splits) > 4:
        splits = splits[1:-1]
    for size in range(1, len(splits) // 2 + 1):
        moves = confirmed = False
        holds = True
        for first in range(size):
            step = None
            for i in range(first + size, len(splits), size):
                before, now = splits[i - size], splits[i]
                if isinstance(now, str) or isinstance(before, str):
                    holds &= now == before
                elif step is None:
                    step = now - before
                    moves |= step != 0
                else:
                    holds &= now - before == step
                    confirmed = True
        if holds and moves and confirmed:
            return True
    return False


pieces = st.sampled_from(["1", "2", "3", "10", "a", "b", " ", ",", "\n", "-", "'", "item "])
counting = st.builds(
    lambda names, first, step, n, tail: (
        "".join(f"{name}{first + i * step}" for i in range(n) for name in names) + tail
    ),
    st.lists(st.sampled_from(["y", ", ", "\n", "row "]), min_size=1, max_size=3),
    st.integers(0, 30),
    st.integers(0, 3),
    st.integers(1, 7),
    st.sampled_from(["", "y", "9"]),
)
some_text = st.one_of(st.lists(pieces, max_size=24).map("".join), counting)


@settings(deadline=None, max_examples=150)
@given(whole=some_text)
def test_incrementing_equals_the_published_decision(whole):
    expected = published_incrementing(published_split(whole))
    assert incrementing(np.frombuffer(whole.encode(), np.uint8)) == expected
    assert features(whole)["incrementing"] == [expected]


@settings(deadline=None, max_examples=300)
@given(
    text=st.one_of(
        st.text("ab", max_size=20),
        st.builds(
            lambda a, n, k: (a * n)[: len(a) * n - k], st.text("abc"), *[st.integers(0, 5)] * 2
        ),
    )
)
def test_repeated_block_equals_brute_force(text):
    expected = next((p for p in range(1, len(text) // 2 + 1) if text[p:] == text[:-p]), 0)
    assert repeated_block(np.frombuffer(text.encode(), np.uint8)) == expected


def longest_progressions(values: list[int]) -> list[tuple[int, int, list[int]]]:
    """Return (number of terms, difference, places) of every maximal progression, by brute force."""
    found = []
    for lag in range(1, LAGS + 1):
        for i in range(len(values) - lag):
            step = values[i + lag] - values[i]
            if step == 0 or (i >= lag and values[i] - values[i - lag] == step):
                continue
            places = [i]
            while (j := places[-1] + lag) < len(values) and values[j] - values[j - lag] == step:
                places.append(j)
            if len(places) > 2:
                found.append((len(places), step, places))
    return found


@settings(deadline=None, max_examples=100)
@given(halves=st.lists(st.tuples(some_text, some_text), min_size=1, max_size=3))
def test_progressions_equal_brute_force(halves):
    columns = template_features(as_texts(halves))
    for i, (prompt, continuation) in enumerate(halves):
        text = prompt + continuation
        numbers = list(re.finditer(r"\d+", text))
        single = list(re.finditer(r"(?<!\w)[a-z](?!\w)", text))
        found = [
            (terms, step, [matches[place] for place in places])
            for matches, values in (
                (numbers, [int(match[0]) for match in numbers]),
                (single, [ord(match[0]) for match in single]),
            )
            for terms, step, places in longest_progressions(values)
        ]
        inside = [sum(m.end() <= len(prompt) for m in matches) for _, _, matches in found]
        covered = set()
        for terms, _, matches in found:
            if terms >= TERMS:
                covered |= set(range(matches[0].start(), matches[-1].end()))
        covered = {place for place in covered if place >= len(prompt)}
        assert columns["number_count"][i] == len(numbers)
        assert columns["progression"][i] == max([terms for terms, _, _ in found], default=0)
        assert columns["counter"][i] == max(
            [n for n, step, _ in found if abs(step) == 1], default=0
        )
        assert columns["prompt_progression"][i] == max([n for n in inside if n > 2], default=0)
        assert columns["progression_share"][i] == len(covered) / max(len(continuation), 1)


@pytest.mark.parametrize(
    ("text", "terms", "by_one"),
    [
        ("a) first\nb) second\nc) third\nd) fourth\n", 4, 4),
        ("img_001.png img_002.png img_003.png img_004.png", 4, 4),
        ("2020-01-05, 2020-01-12, 2020-01-19, 2020-01-26", 4, 0),
        ("0x10: up\n0x20: of\n0x30: to\n0x40: in\n0x50: at\n", 5, 0),
        ("| 1 | 17 |\n| 2 | 4 |\n| 3 | 99 |\n| 4 | 23 |\n| 5 | 1 |", 5, 5),
        ("10 9 8 7 6 5 4 3 2 1", 10, 10),
        ("the cat sat on the mat, 12 times in 1998", 0, 0),
        ("7 7 7 7 7 7", 0, 0),
    ],
)
def test_counters_of_many_kinds(text, terms, by_one):
    found = features(text)
    assert found["progression"] == [terms]
    assert found["counter"] == [by_one]


def test_a_template_of_lines_with_a_counter_is_reconstructed():
    lines = "".join(f'<option value="{i}">{i}</option>\n' for i in range(10, 20))
    found = features(lines, "ab" * 20, "no rule in this text at all")
    assert found["incrementing"] == [True, False, False]
    assert found["repeating"] == [False, True, False]


def test_numbers_too_long_are_text():
    found = features("9" * 19 + " " + "9" * 18)
    assert found["number_count"] == [1]


def test_numbers_do_not_run_from_one_text_into_the_next():
    assert features("1 2 3", "4 5 6")["progression"] == [3, 3]
    assert features("12", "34")["number_count"] == [1, 1]
    assert features("0", "x1f")["number_count"] == [1, 1]


NUMBER = re.compile(rb"(?<![\w])0[xX][0-9a-fA-F]{1,15}(?![\w])|[0-9]+")


def found_in(text: bytes, find: Callable[[np.ndarray, np.ndarray], int]) -> list[list[int]]:
    """Return what a function finds: begin, end and value."""
    found = np.zeros((len(text), 3), dtype=np.int64)
    return found[: find(np.frombuffer(text, np.uint8), found)].tolist()


_parts = st.sampled_from(
    [b"0x1F", b"0X", b"x", b"0", b"12", b"a", b"f", b"_", b" ", b"\n", b"'", b"\\", b",", b"\xc3"]
)
symbols_text = st.lists(_parts, max_size=12).map(b"".join)


@settings(deadline=None, max_examples=300)
@given(text=symbols_text)
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
@given(text=symbols_text)
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
