from itertools import pairwise

import numpy as np
import pytest

from memorization.errors import UserError
from memorization.suite.micro.corpus import Document, train_tokenizer, training_windows

DOCUMENTS = [
    Document("code/a.py", "code", "def add(a, b):\n    return a + b\n" * 9),
    Document("prose/b.txt", "prose", "In the beginning was the word — and it was ‘good’.\n" * 7),
    Document("prose/c.txt", "prose", "A text that names <|endoftext|> and goes on.\n" * 5),
]


@pytest.fixture(scope="module")
def tokenizer():
    return train_tokenizer(DOCUMENTS, 300)


def test_windows_are_a_shuffle_of_the_token_stream(tokenizer):
    size = 16
    plain = type(tokenizer).from_str(tokenizer.to_str())
    plain.encode_special_tokens = True
    stream = [t for document in DOCUMENTS for t in [*plain.encode(document.text).ids, 0]]
    expected = [tuple(stream[i : i + size]) for i in range(0, len(stream) - size + 1, size)]
    windows, origins = training_windows(
        DOCUMENTS, tokenizer, size, len(expected), np.random.default_rng(0)
    )
    domains = origins["domain"]
    assert windows.dtype == np.uint16
    assert sorted(map(tuple, windows.tolist())) == sorted(expected)
    by_window = {tuple(w): d for w, d in zip(windows.tolist(), domains, strict=True)}
    first_document = DOCUMENTS[0].domain
    assert by_window[tuple(stream[:size])] == first_document
    last_start = (len(stream) // size - 1) * size
    assert by_window[tuple(stream[last_start : last_start + size])] == DOCUMENTS[-1].domain


def test_a_seed_orders_the_windows_and_changes_none(tokenizer):
    runs = [
        training_windows(DOCUMENTS, tokenizer, 16, 20, np.random.default_rng(seed))[1]["place"]
        for seed in (0, 1)
    ]
    assert runs[0].tolist() != runs[1].tolist()
    assert sorted(runs[0]) == sorted(runs[1])


def test_origins_say_where_in_its_document_a_window_begins(tokenizer):
    windows, origins = training_windows(DOCUMENTS, tokenizer, 16, 20, np.random.default_rng(0))
    plain = type(tokenizer).from_str(tokenizer.to_str())
    plain.encode_special_tokens = True
    for window, origin in zip(windows, origins.itertuples(), strict=True):
        ids = [*plain.encode(DOCUMENTS[origin.document].text).ids, 0]
        assert origin.length == len(ids)
        rest = ids[origin.offset : origin.offset + 16]
        assert window[: len(rest)].tolist() == rest
    assert (origins["offset"] > 0).any()


def test_windows_in_the_order_of_their_places_are_the_stream(tokenizer):
    windows, origins = training_windows(DOCUMENTS, tokenizer, 16, 20, np.random.default_rng(0))
    order = np.argsort(origins["place"])
    places = origins["place"].to_numpy()[order]
    assert (places % 16 == 0).all()
    assert (np.diff(places) > 0).all()
    # Windows that follow each other are of one document unless it ends in the first.
    for a, b in pairwise(order):
        if origins["place"][b] - origins["place"][a] == 16 and not (windows[a] == 0).any():
            assert origins["document"][a] == origins["document"][b]
            assert origins["offset"][b] - origins["offset"][a] == 16


def test_text_that_looks_like_end_of_text_does_not_end_a_document(tokenizer):
    n = 0
    for seed in range(3):
        windows, _ = training_windows(DOCUMENTS, tokenizer, 8, 20, np.random.default_rng(seed))
        n = max(n, int((windows == 0).sum()))
    assert 0 < n <= len(DOCUMENTS)


def test_bytes_come_back(tokenizer):
    for document in DOCUMENTS[:2]:
        assert tokenizer.decode(tokenizer.encode(document.text).ids) == document.text


def test_a_corpus_that_is_too_small_is_refused(tokenizer):
    with pytest.raises(UserError, match=r"1,000,000 windows.*the corpus has \d+"):
        training_windows(DOCUMENTS, tokenizer, 16, 1_000_000, np.random.default_rng(0))
