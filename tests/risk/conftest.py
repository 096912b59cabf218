"""A text model fitted to made-up texts: lists of numbers are memorized, words at random are not."""

import json

import numpy as np
import pytest
from made_up_texts import WORDS

from memorization.risk.model import TextModel
from memorization.validation.command import Options, Saved, validated


def made_up(n, rng, *, memorized):
    """Return texts of about 200 characters: lists of numbers, or words at random."""
    if memorized:
        return ["[" + ", ".join(map(str, rng.integers(100, 999, 40))) + "]" for _ in range(n)]
    return [" ".join(rng.choice(WORDS, 50)) for _ in range(n)]


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """The folder of the model."""
    rng = np.random.default_rng(0)
    place = tmp_path_factory.mktemp("risk")
    rows = [
        {"text": text, "memorized": memorized}
        for memorized in (True, False)
        for text in made_up(60, rng, memorized=memorized)
    ]
    rng.shuffle(rows)
    (place / "labelled.jsonl").write_text("\n".join(map(json.dumps, rows)))
    saved = Saved(place / "model", "made-up texts", "all others")
    options = Options(tokenizer="bytes", replicates=20)
    validated(place / "labelled.jsonl", None, None, options, saved)
    return place / "model"


@pytest.fixture(scope="session")
def model(folder):
    return TextModel.load(folder)
