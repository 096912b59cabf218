from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from scipy.stats import linregress

from memorization.extraction.score import score
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
        ordered = np.sort(p, axis=1)
        best = p.argmax(axis=1)
        others = np.where(np.arange(p.shape[1]) == tokens[:, t, None], 0, p).max(axis=1)
        columns.append(
            {
                "surprisal": -np.log(own),
                "entropy": -(p * np.log(p)).sum(axis=1),
                "rank": 1 + (p > own[:, None]).sum(axis=1),
                "margin": np.log(ordered[:, -1] / ordered[:, -2]),
                "lead": np.log(own / others),
                "right": best == tokens[:, t],
            }
        )
    return {name: np.stack([column[name] for column in columns], axis=1) for name in columns[0]}


@pytest.mark.parametrize(("batch", "logits"), [(3, 700), (256, 2**19), (1, 1)])
def test_predictions_equal_a_pass_a_token(
    reference, tokens, token_by_token, batch, logits, monkeypatch
):
    monkeypatch.setitem(surprisal.LOGITS, "cpu", logits)
    monkeypatch.setattr(surprisal, "POSITIONS", 1)
    found = predictions(reference, tokens, batch)
    for name, expected in token_by_token.items():
        values = getattr(found, name)
        assert values.dtype == surprisal._DTYPES[name]
        if expected.dtype == float:
            assert np.allclose(values, expected, rtol=1e-4, atol=1e-4), name
        else:
            assert np.array_equal(values, expected), name


def test_match_length_is_that_of_the_extraction(reference, tokens):
    """A sequence that the model itself continued, then with one wrong token, then random ones."""
    own = np.tile(tokens[:1], (2, 1))
    for place in range(32, 64):
        with torch.no_grad():
            logits = reference(torch.from_numpy(own[:1, :place]).long()).logits[:, -1]
        own[:, place] = logits.argmax(dim=1).item()
    own[1, 50] = (own[1, 50] + 1) % 280
    rows = np.concatenate([own, tokens])
    columns = surprisal_features(predictions(reference, rows, batch=4))
    assert columns["match_length"].tolist() == score(reference, rows, 4)[0].tolist()
    assert columns["match_length"][:2].tolist() == [32, 18]
    # Greedy decoding returns the whole continuation just where every lead is positive.
    assert (columns["lead_min"] > 0).tolist() == [True, *[False] * 8]
    assert columns["n_top"][0] == 32


def test_equal_logits_are_decided_as_greedy_decoding_does():
    """A head of zeros: all tokens tie, token 0 is taken, and nothing leads."""

    class Flat(torch.nn.Module):
        device = torch.device("cpu")
        config = type("Config", (), {"vocab_size": 5})

        def base_model(self, rows, use_cache):
            hidden = torch.zeros(*rows.shape, 3)
            return type("Output", (), {"last_hidden_state": hidden})

        def get_output_embeddings(self):
            return torch.nn.Linear(3, 5, bias=False)

    found = predictions(Flat(), np.array([[1, 0, 2, 0]]), 1)
    assert found.right.tolist() == [[True, False, True]]
    assert found.rank.tolist() == [[1, 1, 1]]
    assert (found.margin == 0).all()
    assert (found.lead == 0).all()
    assert found.entropy == pytest.approx(np.log(5))


def test_summaries_take_the_right_positions():
    """Column i is about token i + 1, so the continuation begins in column 31."""
    value = np.arange(63, dtype=np.float32)[None] ** 2 / 10
    rank = np.ones((1, 63), dtype=np.int32)
    rank[0, 62] = 8
    rank[0, 0] = 5  # in the prompt: must not matter
    right = np.ones((1, 63), dtype=bool)
    right[0, [0, 40]] = False
    columns = surprisal_features(Predictions(value, value / 2, rank, value / 3, -value, right))
    prompt, continuation = value[0, :31].astype(float), value[0, 31:].astype(float)
    expected = {
        "mean": continuation.mean(),
        "max": 62**2 / 10,
        "min": 31**2 / 10,
        "sd": continuation.std(),
        "slope": linregress(np.arange(32), continuation).slope,
        "first": 31**2 / 10,
        "last": 62**2 / 10,
        "prompt_mean": prompt.mean(),
        "prompt_max": 30**2 / 10,
        "prompt_sd": prompt.std(),
        "difference": continuation.mean() - prompt.mean(),
        "entropy": continuation.mean() / 2,
        "margin": continuation.mean() / 3,
        "lead_mean": -continuation.mean(),
        "lead_min": -(62**2) / 10,
        "log_rank": np.log(8) / 32,
        "log_rank_max": np.log(8),
        "n_top": 31,
        "match_length": 9,
    }
    assert columns.keys() == expected.keys()
    for name, number in expected.items():
        assert columns[name] == pytest.approx(number), name


def test_half_precision_gives_nearly_the_same(reference, tokens):
    half = copy.deepcopy(reference).to(torch.bfloat16)
    found, exact = predictions(half, tokens, 256), predictions(reference, tokens, 256)
    assert found.surprisal.dtype == np.float32
    assert np.isfinite(found.surprisal).all()
    assert np.corrcoef(found.surprisal.ravel(), exact.surprisal.ravel())[0, 1] > 0.99
