from __future__ import annotations

import zlib

import numpy as np
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from memorization.features import compressibility
from memorization.features.compressibility import (
    byte_features,
    compressibility_features,
    phrases,
    token_entropy,
    token_features,
    zstd_sizes,
    zstd_sizes_given,
)
from memorization.features.repetition import previous_match
from memorization.features.text import TokenTable, texts, token_bytes

HEADER = 6  # bytes that zlib's container adds to raw deflate


def test_ratios_equal_those_of_the_decoded_text(tokenizer):
    text = "the cat sat on the mat, " * 12 + "where the cats met the mice at tea time " * 3
    ids = np.array([tokenizer.encode(text).ids[:64], tokenizer.encode(text).ids[100:164]])
    columns = byte_features(texts(TokenTable.of(token_bytes(tokenizer)), ids))
    for i, row in enumerate(ids.tolist()):
        whole, prompt = tokenizer.decode(row).encode(), tokenizer.decode(row[:32]).encode()
        size, prompt_size = (len(zlib.compress(part, 9)) - HEADER for part in (whole, prompt))
        assert columns["zlib_size"][i] == size
        assert columns["zlib_ratio"][i] == size / len(whole)
        assert columns["zlib_added"][i] == (size - prompt_size) / (len(whole) - len(prompt))


@settings(deadline=None, max_examples=50)
@given(
    tokens=arrays(
        np.int32, st.tuples(st.integers(1, 4), st.integers(1, 64)), elements=st.integers(0, 5)
    )
)
def test_entropy_equals_scipy(tokens):
    expected = [stats.entropy(np.unique(row, return_counts=True)[1], base=2) for row in tokens]
    assert np.allclose(token_entropy(tokens), expected)


def phrases_by_hand(row: list[int], known: int = 0) -> int:
    """Cut off the shortest run that does not begin earlier, again and again."""
    count, i = 0, known
    while i < len(row):
        size = 1
        while i + size <= len(row) and any(
            row[j : j + size] == row[i : i + size] for j in range(i)
        ):
            size += 1
        count, i = count + 1, i + size
    return count


@settings(deadline=None, max_examples=80)
@given(
    tokens=arrays(
        np.int32, st.tuples(st.integers(1, 4), st.integers(0, 40)), elements=st.integers(0, 2)
    ),
    known=st.integers(0, 40),
)
def test_phrases_equal_a_parse_by_hand(tokens, known):
    known = min(known, tokens.shape[1])
    found = phrases(previous_match(tokens), known)
    assert found.tolist() == [phrases_by_hand(row, known) for row in tokens.tolist()]


@pytest.mark.parametrize(
    ("row", "ratio", "added"),
    [
        (np.full(64, 9), 2 / 64, 1 / 32),
        (np.arange(64), 1, 1),
        (np.tile(np.arange(32), 2), 33 / 64, 1 / 32),
    ],
)
def test_phrases_of_known_sequences(row, ratio, added):
    found = token_features(row[None])
    assert (found["lz_ratio"], found["lz_added"]) == (ratio, added)


def test_zstd_sizes_equal_one_call_a_text():
    rng = np.random.default_rng(0)
    whole = [b"", b"a", b"ab" * 90, rng.bytes(170), b"the cat sat on the mat. " * 8]
    end = np.cumsum([0, *map(len, whole)])
    found = zstd_sizes(b"".join(whole), end[:-1], end[1:])
    parameters = compressibility.zstd_parameters()
    one = zstandard.ZstdCompressor(compression_params=parameters)
    assert found.tolist() == [0, *(len(one.compress(text)) for text in whole[1:])]


def test_zstd_with_the_prompt_known_can_be_undone_with_it():
    """The size is that of a frame from which, with the prompt, the continuation comes back."""
    prompt, continuation = b"the cat sat on the mat, where ", b"the cat sat on the mat again"
    known = zstandard.ZstdCompressionDict(prompt, zstandard.DICT_TYPE_RAWCONTENT)
    frame = zstandard.ZstdCompressor(
        dict_data=known, compression_params=compressibility.zstd_parameters()
    ).compress(continuation)
    undo = zstandard.ZstdDecompressor(dict_data=known, format=zstandard.FORMAT_ZSTD1_MAGICLESS)
    assert undo.decompress(frame, max_output_size=99) == continuation
    middle, end = len(prompt), len(prompt + continuation)
    spans = [np.array([place]) for place in (0, middle, end)]
    given_prompt = zstd_sizes_given(prompt + continuation, *spans)
    assert given_prompt.tolist() == [len(frame)]
    assert given_prompt < zstd_sizes(continuation, np.array([0]), np.array([end - middle]))


def test_what_the_prompt_holds_costs_next_to_nothing_in_every_compressor(tokenizer):
    rng = np.random.default_rng(0)
    prompt, other = rng.integers(1, 256, (2, 1, 32))
    table = TokenTable.of(token_bytes(tokenizer))
    repeated, fresh = (
        compressibility_features(np.hstack([prompt, half]), table) for half in (prompt, other)
    )
    for name in ("zlib_added", "zstd_added", "lz_added"):
        assert repeated[name][0] < fresh[name][0] / 2, name
