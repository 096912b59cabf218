import json
from pathlib import Path

import numpy as np
import pytest
import zstandard
from standin import Fault
from suite.pythia.miniature import RAW, TEXTS, WINDOW

from memorization.errors import UserError
from memorization.suite.hub import asking
from memorization.suite.pythia import corpus
from memorization.suite.pythia.make import make_suite
from memorization.suite.read import read_suite

SUITE = Path("suite")
# More than there is.
ALL = {"corpus": "raw", "corpus_tokens": 10**6}


def packed(tokenizer) -> np.ndarray:
    """All documents, one token list after the other, each ended by token 0, cut into rows."""
    run = []
    for text in TEXTS:
        run += [*tokenizer.encode(text).ids, 0]
    return np.array(run[: len(run) // WINDOW * WINDOW]).reshape(-1, WINDOW)


def test_text_is_packed_into_rows(hub, params, published):
    make_suite(params({"corpus": "raw"}), SUITE)
    suite = read_suite(SUITE)
    n = 4000 // WINDOW
    np.testing.assert_array_equal(suite.corpus, packed(published.tokenizer)[:n])
    assert suite.corpus.dtype == np.uint16
    described = suite.manifest["corpus"]
    assert (described["rows"], described["tokens"]) == (n, n * WINDOW)
    # Nothing is known of where a text was in the training data.
    assert (suite.corpus_rows(np.arange(600)) == -1).all()


def test_less_text_than_asked_for(hub, params, published, monkeypatch):
    monkeypatch.setattr(corpus, "DOCUMENTS", 11)
    make_suite(params(ALL), SUITE)
    suite = read_suite(SUITE)
    expected = packed(published.tokenizer)
    np.testing.assert_array_equal(suite.corpus, expected)
    described = suite.manifest["corpus"]
    assert (described["documents"], described["rows"]) == (len(TEXTS), len(expected))


@pytest.mark.parametrize("wanted", [{"corpus": "raw"}, ALL])
def test_an_interrupted_stream_goes_on_and_gives_the_same_bytes(
    hub, params, published, monkeypatch, wanted
):
    monkeypatch.setattr(corpus, "DOCUMENTS", 5)
    tokenize, batches = corpus.tokenize, []

    def interrupted(texts, tokenizer):
        if len(batches) == 4:
            raise KeyboardInterrupt
        batches.append(texts)
        return tokenize(texts, tokenizer)

    with monkeypatch.context() as patch:
        patch.setattr(corpus, "tokenize", interrupted)
        with pytest.raises(KeyboardInterrupt):
            make_suite(params(wanted), SUITE)
    later: list[str] = []

    def recorded(texts, tokenizer):
        later.extend(texts)
        return tokenize(texts, tokenizer)

    monkeypatch.setattr(corpus, "tokenize", recorded)
    make_suite(params(wanted), SUITE)
    assert later[0] == TEXTS[20]
    found = read_suite(SUITE).corpus
    np.testing.assert_array_equal(found, packed(published.tokenizer)[: len(found)])


def _line(**fields: object) -> bytes:
    return (json.dumps(fields) + "\n").encode()


COMPRESS = zstandard.ZstdCompressor().compress
LINES = b"".join(_line(text=text) for text in TEXTS)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (COMPRESS(_line(words="x")), "KeyError"),
        (COMPRESS(_line(text=None)), "a text that is none"),
        (COMPRESS(b"[1]\n"), "TypeError"),
        (COMPRESS(b"{\n"), "JSONDecodeError"),
        (LINES, "ZstdError"),
        (COMPRESS(LINES)[:-100], "it ends in the middle"),
        (COMPRESS(LINES) + COMPRESS(LINES)[:-100], "it ends in the middle"),
    ],
)
def test_no_text(serve, params, published, content, message):
    published.repositories[RAW]["main"] = {"train/00.jsonl.zst": content}
    serve()
    with pytest.raises(UserError, match=f"00.jsonl.zst is no text .*{message}"):
        make_suite(params(ALL), SUITE)
    assert not SUITE.exists()


def test_a_file_of_several_frames(serve, params, published):
    middle = LINES.index(b"\n", len(LINES) // 2) - 5
    content = COMPRESS(LINES[:middle]) + COMPRESS(LINES[middle:].rstrip())
    published.repositories[RAW]["main"] = {"train/00.jsonl.zst": content}
    serve()
    make_suite(params(ALL), SUITE)
    np.testing.assert_array_equal(read_suite(SUITE).corpus, packed(published.tokenizer))


def test_too_little_text(serve, params, published):
    published.repositories[RAW]["main"] = {"train/00.jsonl.zst": COMPRESS(_line(text="x"))}
    serve()
    with pytest.raises(UserError, match="not enough text for a row of 80 tokens"):
        make_suite(params({"corpus": "raw"}), SUITE)
    assert not SUITE.exists()


def test_a_stream_that_dries_up_is_given_up_and_goes_on_later(hub, params, published, monkeypatch):
    monkeypatch.setattr(corpus, "DOCUMENTS", 5)
    hub.fail(Fault("silent", "*/raw/*/01.jsonl.zst"))
    with monkeypatch.context() as patch:
        for name in ("READ", "TOTAL"):
            patch.setattr(asking, name, 0.5)
        with pytest.raises(UserError, match=r"01.jsonl.zst: .* does not answer"):
            make_suite(params(ALL), SUITE)
    assert not SUITE.exists()
    hub.heal()
    make_suite(params(ALL), SUITE)
    np.testing.assert_array_equal(read_suite(SUITE).corpus, packed(published.tokenizer))
