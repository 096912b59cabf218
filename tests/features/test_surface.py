from __future__ import annotations

import re
import string

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from memorization.features.surface import (
    FAMILY,
    structure,
    surface_features,
)
from memorization.features.text import Texts

SYMBOLS = "{}[]<>=_;\\|&*+#@$^~/`"


def as_texts(halves: list[tuple[bytes, bytes]]) -> Texts:
    """Return texts whose prompts and continuations are these."""
    end = np.cumsum([0, *(len(part) for pair in halves for part in pair)])
    prompt = np.repeat(end[:-1:2, None], 32, axis=1)
    data = b"".join(part for pair in halves for part in pair)
    return Texts(data, np.hstack([prompt, end[1::2, None], end[2::2, None]]))


def flat(whole: list[bytes]) -> tuple[np.ndarray, np.ndarray]:
    return np.frombuffer(b"".join(whole), np.uint8), np.cumsum([0, *map(len, whole)])


def by_hand(data: bytes) -> dict[str, float]:
    """Return what one text looks like, byte by byte."""
    text = data.decode("latin-1")  # a character a byte
    lines = text.split("\n")
    words = re.findall("[A-Za-z]+", text)
    depth, depths = 0, [0]
    for c in text:
        depth += (c in "([{") - (c in ")]}")
        depths.append(depth)
    return {
        "character_count": sum(b & 0xC0 != 0x80 for b in data),
        "line_count": text.count("\n"),
        "longest_line": max(map(len, lines)),
        "indentation": sum(len(line) - len(line.lstrip(" \t")) for line in lines[1:])
        / max(len(data), 1),
        "word_count": len(words),
        "word_length": sum(map(len, words)) / max(len(words), 1),
        "depth": max(depths) - min(depths),
        "unopened": -min(depths),
        "unclosed": depth - min(depths),
        "url_count": len(re.findall("://", text)),
        "tag_count": len(re.findall("<[A-Za-z/!?]", text)),
    }


def shares(data: bytes) -> dict[str, float]:
    text, n = data.decode("latin-1"), max(len(data), 1)
    counts = [data.count(b) for b in set(data)]
    return {
        "letters": sum(c in string.ascii_letters for c in text) / n,
        "upper": sum(c in string.ascii_uppercase for c in text) / n,
        "digits": sum(c in string.digits for c in text) / n,
        "punctuation": sum(c in string.punctuation for c in text) / n,
        "symbols": sum(c in SYMBOLS for c in text) / n,
        "space": sum(c in string.whitespace for c in text) / n,
        "non_ascii": sum(c > "\x7f" for c in text) / n,
        "entropy": stats.entropy(counts, base=2) if counts else 0,
    }


some_bytes = st.one_of(
    st.text(" \t\n(){}[]<>:/aA1.é語", max_size=30).map(str.encode),
    st.binary(max_size=30),
    st.sampled_from([b"", b"\n", b"http://x\n", b"</a>", b"://", b"  \n  x"]),
)


@settings(deadline=None, max_examples=80)
@given(halves=st.lists(st.tuples(some_bytes, some_bytes), min_size=1, max_size=4))
def test_every_column_equals_a_count_by_hand(halves):
    columns = surface_features(as_texts(halves))
    assert {f.name for f in FAMILY.features} == columns.keys()
    for i, (prompt, continuation) in enumerate(halves):
        whole = prompt + continuation
        for name, value in by_hand(whole).items():
            assert columns[name][i] == pytest.approx(value), name
        for part, data in (("prompt", prompt), ("continuation", continuation), ("sequence", whole)):
            for name, value in shares(data).items():
                assert columns[f"{part}_{name}"][i] == pytest.approx(value, abs=1e-12), name


@settings(deadline=None, max_examples=80)
@given(
    whole=st.lists(
        st.tuples(st.text("aé語😀", max_size=6), st.integers(0, 8), st.integers(0, 8)), min_size=1
    )
)
def test_cut_characters_are_those_that_decoding_drops(whole):
    """Any slice of valid text is valid but for the characters at its ends."""
    slices = [
        text.encode()[left : max(left, len(text.encode()) - right)] for text, left, right in whole
    ]
    expected = [len(s) - len(s.decode("utf-8", "ignore").encode()) for s in slices]
    cut = structure(*flat(slices))["cut"]
    assert cut == pytest.approx([n / max(len(s), 1) for n, s in zip(expected, slices, strict=True)])


def test_marks_do_not_run_from_one_text_into_the_next():
    columns = surface_features(as_texts([(b"http:", b"/"), (b"/x <", b""), (b"b", b"ab")]))
    assert columns["url_count"].tolist() == [0, 0, 0]
    assert columns["tag_count"].tolist() == [0, 0, 0]
    assert columns["word_count"].tolist() == [1, 1, 1]
