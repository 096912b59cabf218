from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
from tokenizers import Tokenizer

from memorization.counting.copies import documents
from memorization.suite.micro.corpus import (
    Document,
    cut_windows,
    natural_windows,
    origins_in_order,
    train_tokenizer,
    training_order,
)
from memorization.suite.read import read_suite

WINDOW, N_WINDOWS = 16, 40


def texts() -> list[Document]:
    """Texts of a few tokens and of many, none like another."""
    rng = np.random.default_rng(0)
    words = [f"w{i}" for i in range(300)]
    return [
        Document(str(number), "prose", " ".join(rng.choice(words, size)) + f" end of {number}")
        for number, size in enumerate(rng.integers(1, 60, 30))
    ]


def test_places_steps_and_documents_are_those_of_training(tmp_path):
    corpus = texts()
    tokenizer = train_tokenizer(corpus, 400)
    windows, origins = cut_windows(corpus, tokenizer, WINDOW)
    natural, _ = natural_windows(windows, N_WINDOWS)
    order = training_order(natural, np.empty(0, int), np.random.default_rng(1))
    windows, origins = windows[order], origins_in_order(origins, order)
    np.save(tmp_path / "windows.npy", windows)
    parquet.write_table(pa.Table.from_pandas(origins), tmp_path / "documents.parquet")
    manifest = {"suite": "micro", "population": N_WINDOWS, "sequences_per_step": 4, "models": []}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    suite = read_suite(tmp_path)

    assert suite.corpus_step.tolist() == [row // 4 + 1 for row in range(N_WINDOWS)]
    offset, length = suite.document_place(np.array([7, 3]))
    assert offset.tolist() == origins["offset"][[7, 3]].tolist()
    assert length.tolist() == origins["length"][[7, 3]].tolist()

    row, column = (grid.ravel() for grid in np.indices(windows.shape))
    found = documents(windows, suite.corpus_place, row, column).reshape(windows.shape)
    # By its number in the stream a document is the text that begins a window of it, and every
    # token of that number is the text's token at that place.
    number = dict(zip(found[:, 0].tolist(), origins["document"].tolist(), strict=True))
    assert len(number) == len(set(number.values())) == origins["document"].nunique()
    plain = Tokenizer.from_str(tokenizer.to_str())
    plain.encode_special_tokens = True
    ids = [[*plain.encode(text.text).ids, 0] for text in corpus]
    inside = suite.corpus_place[:, :1] + np.arange(WINDOW) - found
    checked = 0
    for r, c in zip(row.tolist(), column.tolist(), strict=True):
        if found[r, c] in number:
            assert ids[number[found[r, c]]][inside[r, c]] == windows[r, c]
            checked += c > 0 and found[r, c] != found[r, 0]
    assert checked > 30  # tokens of a document that begins inside the window
