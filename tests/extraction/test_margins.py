import numpy as np
import pytest
import torch

from memorization.extraction import margins as module
from memorization.extraction.margins import DTYPES, PADDING, flips, margins
from memorization.extraction.score import MARGIN, score
from memorization.params import Shape
from memorization.suite.micro.train import new_model

SHAPE = Shape(hidden=64, layers=2, heads=4)


def copied(model, vocabulary=300, **weights):
    """A model of its own with the same weights but for some."""
    copy = new_model(SHAPE, vocabulary, 64, seed=0)
    names = {"head": "lm_head.weight", "embeddings": "gpt_neox.embed_in.weight"}
    changed = {names[name]: weight for name, weight in weights.items()}
    copy.load_state_dict(model.state_dict() | changed)
    return copy.eval()


def with_twins(model, factor):
    """A model whose token 300 + t is like t, but that the logit of t is so many times as large."""
    head, embeddings = model.lm_head.weight.data, model.gpt_neox.embed_in.weight.data
    twice = torch.cat([embeddings, embeddings])
    return copied(model, 600, head=torch.cat([factor * head, head]), embeddings=twice)


@pytest.fixture(scope="module")
def label(trained):
    model, tokens = trained
    return score(model, tokens, 96)[0] == 32


def test_margins_equal_those_of_every_position_computed_plainly(trained):
    model, tokens = trained
    found, _ = margins(model, tokens, 17)
    with torch.inference_mode():
        logits = model(torch.from_numpy(tokens.astype(np.int64))).logits.numpy()
    for row in (0, 40, 95):
        expected = np.inf
        for place in range(32, 64):
            own = logits[row, place - 1, tokens[row, place]]
            others = np.delete(logits[row, place - 1], tokens[row, place])
            expected = min(expected, own - others.max())
        assert found[row] == pytest.approx(expected, abs=1e-4)
    assert found.dtype == np.float32


@pytest.mark.parametrize("batch", [1, 17, "auto"])
def test_the_sign_is_the_label(trained, label, batch):
    model, tokens = trained
    found, memorized = margins(model, tokens, batch)
    assert 10 <= label.sum() <= 86
    np.testing.assert_array_equal(memorized, label)
    np.testing.assert_array_equal(found > 0, label)


def test_the_output_head_in_small_pieces_and_padding_change_rounding_only(trained, monkeypatch):
    model, tokens = trained
    whole, _ = margins(model, tokens, 96)
    padded, _ = margins(model, tokens, 96, padding=PADDING)
    monkeypatch.setitem(module.LOGITS, "cpu", 3 * 32 * 300 + 5)
    pieces, _ = margins(model, tokens, 96)
    np.testing.assert_allclose(pieces, whole, atol=1e-4)
    np.testing.assert_allclose(padded, whole, atol=1e-4)


def test_end_of_text_that_may_not_be_generated(trained):
    model, tokens = trained
    head = model.lm_head.weight.data.clone()
    head[0] = 20 * head[tokens[:40, 40]].mean(0)
    biased = copied(model, head=head)
    ends = np.where(np.arange(64) == 63, 0, tokens)
    both = np.concatenate([tokens, ends])
    found, memorized = margins(biased, both, 50, end_of_text=False)
    expected = score(biased, both, 50, end_of_text=False)[0] == 32
    np.testing.assert_array_equal(memorized, expected)
    assert expected.sum() > (score(biased, both, 50)[0] == 32).sum()
    assert (found[:96] > 0).tolist() == expected[:96].tolist()
    assert (found[96:] == -np.inf).all()


def test_ties_have_a_margin_of_zero_and_the_label_of_the_first(trained, label):
    model, tokens = trained
    twins = with_twins(model, 1)
    later = np.where(np.arange(64) == 50, tokens + 300, tokens)
    found, memorized = margins(twins, np.concatenate([tokens, later]), 64)
    np.testing.assert_array_equal(memorized, np.append(label, np.zeros(96, bool)))
    assert (found[:96][label] == 0).all()
    assert (found[96:][label] == 0).all()
    assert (found[:96][~label] < 0).all()


def test_nearly_equal_logits_are_fragile_where_they_are_rounded_to_the_same(trained, label):
    model, tokens = trained
    # The true tokens are ahead of their twins, which come first, by a 50,000th of their logits.
    close = with_twins(model, 1 - 2e-5)
    later = tokens + 300 * (np.arange(64) >= 32)
    before = {name: value.clone() for name, value in close.state_dict().items()}
    found = flips(close, later, label, 64)
    assert (found["margin"][label] > 0).all()
    assert (found["margin"][label] < 1e-3).all()
    assert not found["float32"].any()
    for name in ("float16", "bfloat16"):
        assert found[name][label].mean() > 0.9
        assert not found[name][~label].any()
    for name, value in close.state_dict().items():
        assert value.dtype == torch.float32
        assert torch.equal(value, before[name])


def test_a_label_that_the_same_weights_do_not_give_is_flipped_by_other_batches(trained, label):
    model, tokens = trained
    wrong = label ^ (np.arange(96) == 7)
    assert np.flatnonzero(flips(model, tokens, wrong, 96)["float32"]).tolist() == [7]


def test_a_precision_too_low_for_the_weights_flips_what_is_near(trained, label):
    """Logits that are not finite say nothing, "not memorized" least of all."""
    model, tokens = trained
    large = copied(model, head=1e6 * model.lm_head.weight.data)
    with torch.no_grad():
        # Weights beyond float16 in the head, made up for before it.
        large.gpt_neox.final_layer_norm.weight.mul_(1e-9)
        large.gpt_neox.final_layer_norm.bias.mul_(1e-9)
    found = flips(large, tokens, label, 96)
    assert (np.abs(found["margin"]) < MARGIN[torch.float16]).all()
    assert found["float16"].all()


def test_what_is_not_near_is_not_run_again_because_it_does_not_flip(trained, label):
    model, tokens = trained
    found = flips(model, tokens, label, 96)
    assert str(found["precision"]) == "float32"
    for name in ("bfloat16", "float16"):
        other = copied(model)
        for weight in other.parameters():
            weight.data = weight.data.to(DTYPES[name])
        near = np.abs(found["margin"]) <= MARGIN[DTYPES[name]]
        assert 0 < near.sum() < 96
        flipped = (score(other, tokens, 96)[0] == 32) != label
        assert not flipped[~near].any()
        flipped[near] = (score(other, tokens[near], 96)[0] == 32) != label[near]
        np.testing.assert_array_equal(found[name], flipped)


def test_no_sequences(trained):
    nothing = np.empty((0, 64), np.int32)
    found = flips(trained[0], nothing, np.empty(0, bool), 8)
    assert found["margin"].shape == found["float16"].shape == (0,)
    assert found["margin"].dtype == np.float32
