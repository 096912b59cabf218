from itertools import pairwise

import numpy as np
import pytest

from memorization.errors import UserError
from memorization.suite.micro.corpus import (
    Document,
    cut_windows,
    natural_windows,
    origins_in_order,
    shares_text,
    train_tokenizer,
    training_order,
)

DOCUMENTS = [
    Document("code/a.py", "code", "def add(a, b):\n    return a + b\n" * 9),
    Document("prose/b.txt", "prose", "In the beginning was the word — and it was ‘good’.\n" * 7),
    Document("prose/c.txt", "prose", "A text that names <|endoftext|> and goes on.\n" * 5),
]


@pytest.fixture(scope="module")
def tokenizer():
    return train_tokenizer(DOCUMENTS, 300)


def token_ids(tokenizer):
    plain = type(tokenizer).from_str(tokenizer.to_str())
    plain.encode_special_tokens = True
    return [[*plain.encode(document.text).ids, 0] for document in DOCUMENTS]


@pytest.mark.parametrize("size", [8, 16, 50])
def test_windows_are_the_token_stream_in_the_order_of_the_archive(tokenizer, size):
    stream = [token for ids in token_ids(tokenizer) for token in ids]
    windows, origins = cut_windows(DOCUMENTS, tokenizer, size)
    assert windows.dtype == np.uint16
    assert windows.ravel().tolist() == stream[: len(stream) // size * size]
    assert len(stream) - windows.size < size
    assert origins["window"].tolist() == list(range(len(windows)))
    assert origins["place"].tolist() == list(range(0, windows.size, size))


def test_origins_say_where_in_its_document_a_window_begins(tokenizer):
    windows, origins = cut_windows(DOCUMENTS, tokenizer, 16)
    ids = token_ids(tokenizer)
    for window, origin in zip(windows, origins.itertuples(), strict=True):
        assert origin.length == len(ids[origin.document])
        assert origin.domain == DOCUMENTS[origin.document].domain
        rest = ids[origin.document][origin.offset : origin.offset + 16]
        assert window[: len(rest)].tolist() == rest
    assert (origins["offset"] > 0).any()
    # Windows that follow each other are of one document unless it ends in the first.
    for a, b in pairwise(range(len(windows))):
        if not (windows[a] == 0).any():
            assert origins["document"][a] == origins["document"][b]
            assert origins["offset"][b] - origins["offset"][a] == 16


def test_text_that_looks_like_end_of_text_does_not_end_a_document(tokenizer):
    windows, _ = cut_windows(DOCUMENTS, tokenizer, 2)
    assert len(DOCUMENTS) - 1 <= (windows == 0).sum() <= len(DOCUMENTS)


def test_bytes_come_back(tokenizer):
    for document in DOCUMENTS[:2]:
        assert tokenizer.decode(tokenizer.encode(document.text).ids) == document.text


@pytest.fixture
def hundred():
    """A hundred windows of 40 tokens; every fifth shares 16 with another, one with itself alone."""
    windows = np.random.default_rng(0).integers(1, 60_000, (100, 40)).astype(np.uint16)
    windows[::10, 3:19] = windows[5::10, 3:19]
    windows[1, :16] = windows[1, 20:36]
    return windows


def test_what_recurs_in_the_corpus_is_trained_on_first(hundred):
    assert np.flatnonzero(shares_text(hundred)).tolist() == list(range(0, 100, 5))
    trained, held_out = natural_windows(hundred, 40)
    assert set(range(0, 100, 5)) < set(trained.tolist())
    assert set(trained.tolist()) | set(held_out.tolist()) == set(range(100))


def test_fewer_windows_trained_on_are_some_of_more(hundred):
    more, fewer = natural_windows(hundred, 70), natural_windows(hundred, 40)
    assert set(fewer[0]) < set(more[0])
    assert set(fewer[1]) == set(range(100)) - set(fewer[0])
    # What both hold out comes last, in the same order: no seed and no arm changes who is a unit.
    assert fewer[1][30:].tolist() == more[1].tolist()


def test_a_corpus_that_is_too_small_is_refused(hundred):
    with pytest.raises(UserError, match=r"1,000,000 windows.*the corpus has 100"):
        natural_windows(hundred, 1_000_000)


def test_a_seed_orders_the_natural_windows_around_those_of_the_arm():
    natural, arm = np.arange(0, 60, 3), np.array([0, 7, 8, 23])
    orders = [training_order(natural, arm, np.random.default_rng(seed)) for seed in (0, 0, 1)]
    assert orders[0].tolist() == orders[1].tolist() != orders[2].tolist()
    for order in orders:
        assert np.flatnonzero(order < 0).tolist() == arm.tolist()
        assert sorted(order[order >= 0]) == natural.tolist()


def test_origins_follow_the_training_order_and_tell_the_arm(tokenizer):
    _, origins = cut_windows(DOCUMENTS, tokenizer, 16)
    found = origins_in_order(origins, np.array([5, -1, 0, 9]))
    assert found["index"].tolist() == [0, 1, 2, 3]
    assert found["window"].tolist() == [5, -1, 0, 9]
    assert found["place"].tolist() == [80, -1, 0, 144]
    assert found["domain"].tolist() == [
        origins["domain"][5], "arm", origins["domain"][0], origins["domain"][9]
    ]  # fmt: skip
    assert (found.loc[1, ["document", "offset", "length"]] == [-1, 0, 0]).all()
    assert (found.dtypes.drop("domain") == np.int64).all()
