from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, pre_tokenizers

from memorization.features.text import texts, token_bytes


@pytest.fixture(scope="module")
def table(tokenizer):
    return token_bytes(tokenizer)


@settings(deadline=None, max_examples=80)
@given(text=st.text(min_size=1))
def test_bytes_of_an_encoding_are_those_of_the_text(tokenizer, table, text):
    ids = np.array([tokenizer.encode(text).ids])
    assert texts(table, ids).data == text.encode()


def test_alphabet_is_that_of_the_library(tokenizer, table):
    singles = {table[tokenizer.token_to_id(c)] for c in pre_tokenizers.ByteLevel.alphabet()}
    assert singles == {bytes([byte]) for byte in range(256)}


def test_a_cut_character_keeps_its_bytes(tokenizer):
    ids = tokenizer.encode("語").ids  # not in the training text, so one token a byte
    assert len(ids) == 3
    found = texts(token_bytes(tokenizer), np.array([ids[1:]]))
    assert found.data == "語".encode()[1:]


def test_special_tokens_are_a_mark_and_added_ones_are_text(tokenizer):
    extended = Tokenizer.from_str(tokenizer.to_str())
    extended.add_tokens(["  "])
    spaces = extended.token_to_id("  ")
    table = token_bytes(extended)
    assert (table[0], table[spaces]) == (b"\0", b"  ")


def test_starts_of_tokens():
    found = texts([b"", b"xy", b"z"], np.array([[1, 0, 2], [0, 0, 0], [2, 2, 1]]))
    assert found.data == b"xyzzzxy"
    assert found.start.tolist() == [[0, 2, 2, 3], [3, 3, 3, 3], [3, 4, 5, 7]]
