from __future__ import annotations

import zlib

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from memorization.features.compressibility import compressed_sizes, token_entropy, zlib_features
from memorization.features.text import texts, token_bytes

HEADER = 6  # bytes that zlib's container adds to raw deflate


def test_ratios_equal_those_of_the_decoded_text(tokenizer):
    text = "the cat sat on the mat, " * 12 + "where the cats met the mice at tea time " * 3
    ids = np.array([tokenizer.encode(text).ids[:64], tokenizer.encode(text).ids[100:164]])
    columns = zlib_features(texts(token_bytes(tokenizer), ids))
    for i, row in enumerate(ids.tolist()):
        whole, prompt = tokenizer.decode(row).encode(), tokenizer.decode(row[:32]).encode()
        size, prompt_size = (len(zlib.compress(part, 9)) - HEADER for part in (whole, prompt))
        assert columns["bytes"][i] == len(whole)
        assert columns["zlib_ratio"][i] == size / len(whole)
        assert columns["zlib_added"][i] == (size - prompt_size) / (len(whole) - len(prompt))


def test_a_continuation_that_repeats_the_prompt_adds_next_to_nothing(tokenizer):
    rng = np.random.default_rng(0)
    prompt, other = rng.integers(1, 256, (2, 1, 32))
    table = token_bytes(tokenizer)
    repeated, fresh = (
        zlib_features(texts(table, np.hstack([prompt, half])))["zlib_added"][0]
        for half in (prompt, other)
    )
    assert repeated < 0.2
    assert fresh > 0.8


def test_empty_texts_have_finite_ratios():
    columns = zlib_features(texts([b""], np.zeros((2, 64), dtype=int)))
    assert all(np.isfinite(column).all() for column in columns.values())
    assert compressed_sizes(b"", np.array([], int), np.array([], int)).shape == (0,)


@settings(deadline=None, max_examples=50)
@given(
    tokens=arrays(
        np.int32, st.tuples(st.integers(1, 4), st.integers(1, 64)), elements=st.integers(0, 5)
    )
)
def test_entropy_equals_scipy(tokens):
    expected = [stats.entropy(np.unique(row, return_counts=True)[1], base=2) for row in tokens]
    assert np.allclose(token_entropy(tokens), expected)
