import numpy as np
import pytest
import torch

from memorization.extraction.cascade import memorized
from memorization.extraction.extraction import score
from memorization.labels import cascade
from memorization.params import Shape
from memorization.suite.micro.train import new_model


@pytest.mark.parametrize("batch", [1, 17, 96, "auto"])
def test_the_same_booleans_as_the_full_pass(trained, batch):
    model, tokens = trained
    expected = score(model, tokens, 96)[0] == 32
    assert 10 <= expected.sum() <= 86
    np.testing.assert_array_equal(memorized(model, tokens, batch), expected)


def test_sequences_that_go_wrong_at_every_place(trained):
    """Also just before and after the places where sequences are dropped."""
    model, tokens = trained
    right = tokens[score(model, tokens, 96)[0] == 32][0]
    wrong = np.repeat(right[None], 33, axis=0)
    places = np.arange(32)
    wrong[places, 32 + places] = (wrong[places, 32 + places] + 1) % 300
    found = memorized(model, wrong, 8)
    np.testing.assert_array_equal(found, score(model, wrong, 8)[0] == 32)
    assert found[32]
    assert not found[:32].any()


def test_ties_go_to_the_first_token_in_both(trained):
    """Every memorized token gets a twin whose logit is the same, bit for bit."""
    model, tokens = trained
    twins = new_model(Shape(hidden=64, layers=2, heads=4), 600, 64, seed=0)
    state = dict(model.state_dict())
    for name in ("lm_head.weight", "gpt_neox.embed_in.weight"):
        state[name] = torch.cat([state[name], state[name]])
    twins.load_state_dict(state)
    twins.eval()
    later = np.where(np.arange(64) == 50, tokens + 300, tokens)  # ties, but is not the first
    both = np.concatenate([tokens, later])
    expected = score(twins, both, 64)[0] == 32
    np.testing.assert_array_equal(memorized(twins, both, 64), expected)
    assert expected[:96].sum() >= 10
    assert not expected[96:].any()


def test_chunks_duplicates_and_progress(trained, monkeypatch):
    model, tokens = trained
    many = np.concatenate([tokens, tokens[::-1], tokens[:30]])
    monkeypatch.setattr(cascade, "CHUNK", 50)
    done = []
    found = memorized(model, many, 16, done.append)
    np.testing.assert_array_equal(found, score(model, many, 16)[0] == 32)
    assert sum(done) == len(many)


def test_nothing_memorized_costs_little_more_than_the_prompts():
    model = new_model(Shape(hidden=32, layers=1, heads=2), 300, 64, seed=3).eval()
    tokens = np.random.default_rng(0).integers(0, 300, (200, 64)).astype(np.int32)
    read = []
    model.gpt_neox.embed_in.register_forward_hook(lambda _, ids, out: read.append(ids[0].numel()))
    assert not memorized(model, tokens, 64).any()
    assert 200 * 32 <= sum(read) < 200 * 32 * 1.1


def test_no_sequences(trained):
    assert memorized(trained[0], np.empty((0, 64), np.int32), 8).shape == (0,)
