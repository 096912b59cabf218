import gzip
import json

import numpy as np
import pytest
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

from memorization.errors import UserError
from memorization.suite.hub import Repository
from memorization.suite.inserted import make
from memorization.tables import token_matrix

FILE = "texts.jsonl.gz"


@pytest.fixture
def read(monkeypatch, tmp_path):
    """Read texts from a file with these bytes, as if it had been downloaded."""

    def of(content):
        (tmp_path / FILE).write_bytes(content)
        monkeypatch.setattr(make, "download", lambda repository, file: tmp_path / file)
        return make.read_texts(Repository("dataset", "a/b", "0" * 40), FILE)

    return of


def line(text, copies):
    return json.dumps({"text": text, "meta": json.dumps({"duplicates": copies})}) + "\n"


def test_texts_and_how_often_each_is_inserted(read):
    lines = line("one", 0) + line("two", 16)
    assert read(gzip.compress(lines.encode())) == [("one", 0), ("two", 16)]


@pytest.mark.parametrize(
    ("lines", "where"),
    [
        (line("one", 1) + "{\n", "line 2"),
        ('{"text": "one"}\n', "line 1"),
        (line("one", -1), "line 1"),
        (line("one", "1"), "line 1"),
        (line(None, 1), "line 1"),
    ],
    ids=["no object", "no copies", "negative", "a text", "no text"],
)
def test_a_line_that_holds_no_text(read, lines, where):
    refused(read, gzip.compress(lines.encode()), where)


def test_a_file_that_is_not_compressed_or_not_whole(read):
    refused(read, b"text", "line 1")
    refused(read, gzip.compress(line("one", 1).encode())[:-9], "line ")


def refused(read, content, where):
    with pytest.raises(UserError, match=f"a/b.*{FILE}, {where}.*pin another commit") as caught:
        read(content)
    assert "\n" not in str(caught.value)


def test_units_are_texts_that_are_long_enough_and_like_no_other():
    words = [f"w{i}" for i in range(400)]
    tokenizer = Tokenizer(WordLevel(dict(zip(words, range(400), strict=True)), "w0"))
    tokenizer.pre_tokenizer = Whitespace()
    texts = {
        "own/b": [(" ".join(words[:70]), 4), (" ".join(words[1:64]), 8)],
        "own/a": [
            (" ".join(words[100:164]), 0),
            (" ".join(words[200:264]), 2),
            (" ".join(words[200:264] + words[:9]), 16),
        ],
    }
    units, left_out = make.units_of(texts, tokenizer)
    assert left_out == {"short": 1, "alike": 2}
    assert units["dose"].tolist() == [4, 0]
    assert units["domain"].tolist() == ["b", "a"]
    assert units["block"].tolist() == [1, 0]
    expected = [np.arange(64), np.arange(100, 164)]
    np.testing.assert_array_equal(token_matrix(units["tokens"]), expected)
    with pytest.raises(UserError, match="no two texts of 64 tokens"):
        make.units_of({"own/b": texts["own/b"]}, tokenizer)
