from __future__ import annotations

import numpy as np
import pytest
import torch

from memorization.features import surprisal
from memorization.features.surprisal import Predictions, predictions, surprisal_features


@pytest.fixture(scope="module")
def tokens() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 280, (7, 64)).astype(np.int32)


@pytest.fixture(scope="module")
def token_by_token(reference, tokens):
    """The same numbers from one forward pass a prefix, in float64 NumPy."""
    columns = []
    for t in range(1, 64):
        with torch.no_grad():
            logits = reference(torch.from_numpy(tokens[:, :t]).long()).logits[:, -1]
        logits = logits.double().numpy()
        p = np.exp(logits - logits.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        own = p[np.arange(len(tokens)), tokens[:, t]]
        rank = 1 + (p > own[:, None]).sum(axis=1)
        columns.append((-np.log(own), -(p * np.log(p)).sum(axis=1), rank))
    return [np.stack(column, axis=1) for column in zip(*columns, strict=True)]


@pytest.mark.parametrize(("batch", "logits"), [(3, 700), (256, 2**19), (1, 1)])
def test_predictions_equal_a_pass_a_token(
    reference, tokens, token_by_token, batch, logits, monkeypatch
):
    monkeypatch.setattr(surprisal, "LOGITS", logits)
    found = predictions(reference, tokens, batch)
    expected_surprisal, expected_entropy, expected_rank = token_by_token
    assert np.allclose(found.surprisal, expected_surprisal, rtol=1e-4, atol=1e-4)
    assert np.allclose(found.entropy, expected_entropy, rtol=1e-4, atol=1e-4)
    assert np.array_equal(found.rank, expected_rank)


def test_summaries_take_the_right_positions():
    """Column i is about token i + 1, so the continuation begins in column 31."""
    value = np.arange(63, dtype=np.float32)[None]
    rank = np.ones((1, 63), dtype=np.int32)
    rank[0, 62] = 8
    rank[0, 0] = 5  # in the prompt: must not matter
    columns = surprisal_features(Predictions(value, value / 2, rank))
    assert columns["mean"] == pytest.approx(np.arange(31, 63).mean())
    assert columns["max"] == 62
    assert columns["sd"] == pytest.approx(np.arange(32).std())
    assert columns["first"] == 31
    assert columns["prompt_mean"] == pytest.approx(np.arange(31).mean())
    assert columns["entropy"] == pytest.approx(np.arange(31, 63).mean() / 2)
    assert columns["log_rank"] == pytest.approx(np.log(8) / 32)
    assert columns["n_top"] == 31


def test_no_sequences(reference):
    found = predictions(reference, np.zeros((0, 64), dtype=np.int32), batch=4)
    assert found.surprisal.shape == found.rank.shape == (0, 63)
