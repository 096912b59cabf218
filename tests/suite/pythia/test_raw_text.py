import json
import threading
from pathlib import Path

import numpy as np
import pytest
import zstandard
from standin import Fault
from suite.pythia.miniature import RAW, TEXTS, WINDOW

from memorization.errors import UserError
from memorization.suite.pythia import raw
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
    corpus = suite.manifest["corpus"]
    assert (corpus["rows"], corpus["tokens"]) == (n, n * WINDOW)
    # Nothing is known of where a text was in the training data.
    assert (suite.corpus_rows(np.arange(600)) == -1).all()


def test_less_text_than_asked_for(hub, params, published, monkeypatch):
    monkeypatch.setattr(raw, "BATCH", 11)
    make_suite(params(ALL), SUITE)
    suite = read_suite(SUITE)
    expected = packed(published.tokenizer)
    np.testing.assert_array_equal(suite.corpus, expected)
    corpus = suite.manifest["corpus"]
    assert (corpus["documents"], corpus["rows"]) == (len(TEXTS), len(expected))


@pytest.mark.parametrize("wanted", [{"corpus": "raw"}, ALL])
def test_an_interrupted_stream_goes_on_and_gives_the_same_bytes(
    hub, params, published, monkeypatch, wanted
):
    monkeypatch.setattr(raw, "BATCH", 5)
    tokenize, batches = raw.tokenize, []

    def interrupted(texts, tokenizer):
        if len(batches) == 4:
            raise KeyboardInterrupt
        batches.append(texts)
        return tokenize(texts, tokenizer)

    with monkeypatch.context() as patch:
        patch.setattr(raw, "tokenize", interrupted)
        with pytest.raises(KeyboardInterrupt):
            make_suite(params(wanted), SUITE)
    later: list[str] = []

    def recorded(texts, tokenizer):
        later.extend(texts)
        return tokenize(texts, tokenizer)

    monkeypatch.setattr(raw, "tokenize", recorded)
    make_suite(params(wanted), SUITE)
    assert later[0] == TEXTS[20]
    corpus = read_suite(SUITE).corpus
    np.testing.assert_array_equal(corpus, packed(published.tokenizer)[: len(corpus)])


def test_no_text(serve, params, published):
    content = (json.dumps({"words": "x"}) + "\n").encode()
    published.repositories[RAW]["main"] = {
        "train/00.jsonl.zst": zstandard.ZstdCompressor().compress(content)
    }
    serve()
    with pytest.raises(UserError, match="the text cannot be streamed"):
        make_suite(params({"corpus": "raw"}), SUITE)


def test_too_little_text(serve, params, published):
    content = (json.dumps({"text": "x"}) + "\n").encode()
    published.repositories[RAW]["main"] = {
        "train/00.jsonl.zst": zstandard.ZstdCompressor().compress(content)
    }
    serve()
    with pytest.raises(UserError, match="not enough text for a row of 80 tokens"):
        make_suite(params({"corpus": "raw"}), SUITE)
    assert not SUITE.exists()


def test_a_stream_that_dries_up_is_given_up_and_goes_on_later(hub, params, published, monkeypatch):
    over = threading.Event()

    def stalled(repository):
        yield from TEXTS[:50]
        over.wait()

    monkeypatch.setattr(raw, "BATCH", 5)
    with monkeypatch.context() as patch:
        patch.setattr(raw, "PATIENCE_SECONDS", 0.5)
        patch.setattr(raw, "stream_texts", stalled)
        with pytest.raises(UserError, match=r"streamed \(nothing came in 0.5 s\); run the same"):
            make_suite(params(ALL), SUITE)
    over.set()
    assert not SUITE.exists()
    make_suite(params(ALL), SUITE)
    np.testing.assert_array_equal(read_suite(SUITE).corpus, packed(published.tokenizer))


def test_a_hub_that_lacks_a_file_of_the_text(hub, params):
    hub.fail(Fault("status", "*/01.jsonl.zst", status=404))
    with pytest.raises(UserError, match=r"cannot be streamed .*404"):
        make_suite(params(ALL), SUITE)
