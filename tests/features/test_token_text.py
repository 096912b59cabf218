from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, pre_tokenizers

from memorization.features import text as module
from memorization.features.text import TokenTable, in_chunks, texts, token_bytes


@pytest.fixture(scope="module")
def table(tokenizer):
    return token_bytes(tokenizer)


@settings(deadline=None, max_examples=80)
@given(text=st.text(min_size=1))
def test_bytes_of_an_encoding_are_those_of_the_text(tokenizer, table, text):
    ids = np.array([tokenizer.encode(text).ids])
    assert texts(TokenTable.of(table), ids).data == text.encode()


def test_a_cut_character_keeps_its_bytes(tokenizer):
    ids = tokenizer.encode("語").ids  # not in the training text, so one token a byte
    assert len(ids) == 3
    found = texts(TokenTable.of(token_bytes(tokenizer)), np.array([ids[1:]]))
    assert found.data == "語".encode()[1:]


def test_special_tokens_are_a_mark_and_added_ones_are_text(tokenizer):
    extended = Tokenizer.from_str(tokenizer.to_str())
    extended.add_tokens(["  "])
    spaces = extended.token_to_id("  ")
    table = token_bytes(extended)
    assert (table[0], table[spaces]) == (b"\0", b"  ")


def test_starts_of_tokens():
    found = texts(TokenTable.of([b"", b"xy", b"z"]), np.array([[1, 0, 2], [0, 0, 0], [2, 2, 1]]))
    assert found.data == b"xyzzzxy"
    assert found.start.tolist() == [[0, 2, 2, 3], [3, 3, 3, 3], [3, 4, 5, 7]]


@pytest.mark.parametrize(("length", "prompt"), [(0, 0), (1, 1), (31, 31), (32, 32), (40, 32)])
def test_bounds_of_texts_and_of_their_halves(length, prompt):
    tokens = np.random.default_rng(length).integers(0, 3, (4, length))
    pieces = [b"", b"xy", b"z"]
    found = texts(TokenTable.of(pieces), tokens)
    for i, row in enumerate(tokens.tolist()):
        begin, middle = found.half_bounds[2 * i : 2 * i + 2]
        assert begin == found.bounds[i]
        assert middle == found.middle[i]
        assert found.data[begin:middle] == b"".join(pieces[t] for t in row[:prompt])
        assert found.data[middle : found.bounds[i + 1]] == b"".join(pieces[t] for t in row[prompt:])
    assert found.half_bounds[-1] == found.bounds[-1] == len(found.data) == len(found.bytes)


@pytest.mark.parametrize("token", [-1, 3])
def test_a_token_that_is_not_in_the_table(token):
    with pytest.raises(ValueError, match="allowed are 0 to 2"):
        texts(TokenTable.of([b"", b"xy", b"z"]), np.array([[0, token]]))


@pytest.mark.parametrize("n", [0, 1, 3, 4, 10])
def test_chunks_cover_all_sequences_once(monkeypatch, n):
    monkeypatch.setattr(module, "CHUNK", 3)
    sizes = []

    def compute(rows):
        sizes.append(len(rows))
        return {"sum": rows.sum(axis=1)}

    tokens = np.arange(2 * n).reshape(n, 2)
    assert in_chunks(compute, tokens)["sum"].tolist() == tokens.sum(axis=1).tolist()
    assert sum(sizes) == n
    assert max(sizes) <= 3


def test_alphabet_is_that_of_the_library(tokenizer, table):
    singles = {table[tokenizer.token_to_id(c)] for c in pre_tokenizers.ByteLevel.alphabet()}
    assert singles == {bytes([byte]) for byte in range(256)}
