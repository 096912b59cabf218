import numpy as np
import pytest
import torch

from memorization.extraction import score as module
from memorization.extraction.score import continuation_hidden, memorized, score
from memorization.params import Shape
from memorization.suite.micro.train import new_model


def generated(model, tokens, **options):
    """What the model continues the prompts with, by transformers."""
    prompts = torch.from_numpy(tokens[:, :32].astype(np.int64))
    options |= {"attention_mask": torch.ones_like(prompts), "pad_token_id": 0}
    return model.generate(prompts, do_sample=False, use_cache=False, **options)[:, 32:].numpy()


def leading(continuation, tokens):
    """How many leading tokens are the true ones."""
    agrees = continuation == tokens[:, 32:]
    return np.where(agrees.all(1), 32, agrees.argmin(1))


def test_labels_equal_greedy_generation(trained):
    model, tokens = trained
    match_length, _ = score(model, tokens, batch=17)
    expected = leading(generated(model, tokens, max_new_tokens=32, min_new_tokens=32), tokens)
    assert (expected == 32).sum() >= 10  # the test has positives ...
    assert (expected < 32).sum() >= 10  # ... and negatives
    np.testing.assert_array_equal(match_length, expected)


def test_without_end_of_text_labels_equal_those_of_the_published_script(trained):
    """Which suppresses token 0 until there are 64; this model would rather end at times."""
    model, tokens = trained
    biased = new_model(Shape(hidden=64, layers=2, heads=4), 300, 64, seed=0)
    biased.load_state_dict(model.state_dict())
    with torch.no_grad():
        # Towards what many tokens have in common, so that token 0 wins in some places.
        biased.lm_head.weight[0] = 20 * biased.lm_head.weight[tokens[:40, 40]].mean(0)
    biased.eval()
    expected = leading(
        generated(biased, tokens, max_length=64, min_length=64, temperature=None), tokens
    )
    found, _ = score(biased, tokens, 50, end_of_text=False)
    np.testing.assert_array_equal(found, expected)
    assert (found == 32).sum() > (score(biased, tokens, 50)[0] == 32).sum()
    # A continuation that holds it is never memorized.
    ends = np.where(np.arange(64) == 63, 0, tokens)
    assert score(biased, ends, 50, end_of_text=False)[0].max() <= 31


def test_logprob_equals_a_plain_sum_over_tokens(trained):
    model, tokens = trained
    _, logprob = score(model, tokens, batch=50)
    with torch.inference_mode():
        logits = model(torch.from_numpy(tokens.astype(np.int64))).logits.double()
    logp = logits.log_softmax(-1).numpy()
    for row in (0, 40, 95):
        expected = sum(logp[row, i - 1, tokens[row, i]] for i in range(32, 64))
        assert logprob[row] == pytest.approx(expected, rel=1e-4)


def test_equal_texts_get_equal_scores_in_the_callers_order(trained):
    model, tokens = trained
    shuffled, done = np.concatenate([tokens[::-1], tokens[5:6]]), []
    match_length, logprob = score(model, tokens, batch=7)
    again, logprob_again = score(model, shuffled, 7, done.append)
    assert sum(done) == 97
    np.testing.assert_array_equal(again, np.append(match_length[::-1], match_length[5]))
    np.testing.assert_array_equal(logprob_again, np.append(logprob[::-1], logprob[5]))


@pytest.mark.parametrize("parallel", [True, False])
@pytest.mark.parametrize("layers", [1, 3])
def test_hidden_states_are_those_of_transformers_bit_for_bit(layers, parallel):
    model = new_model(Shape(hidden=32, layers=layers, heads=4), 300, 64, seed=1).eval()
    model.config.use_parallel_residual = parallel
    for layer in model.gpt_neox.layers:
        layer.use_parallel_residual = parallel
    tokens = torch.from_numpy(np.random.default_rng(0).integers(0, 300, (9, 63)))
    with torch.inference_mode():
        expected = model.gpt_neox(tokens, use_cache=False).last_hidden_state[:, 31:]
        assert torch.equal(continuation_hidden(model, tokens), expected)


def test_the_layers_are_one_graph_for_the_compiler(trained):
    model, tokens = trained
    rows = torch.from_numpy(tokens[:5, :63].astype(np.int64))
    compiled = torch.compile(continuation_hidden, dynamic=False, fullgraph=True, backend="eager")
    with torch.inference_mode():
        assert torch.equal(compiled(model, rows), continuation_hidden(model, rows))


def test_the_output_head_in_small_pieces(trained, monkeypatch):
    model, tokens = trained
    whole = score(model, tokens, 96)
    # Three sequences at a time, so that the last piece is smaller.
    monkeypatch.setitem(module.LOGITS, "cpu", 3 * 32 * 300 + 5)
    pieces = score(model, tokens[:95], 95)
    np.testing.assert_array_equal(pieces[0], whole[0][:95])
    np.testing.assert_allclose(pieces[1], whole[1][:95], rtol=1e-6)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_in_16_bits_labels_hardly_change_and_logprobs_stay_float32(trained, dtype):
    model, tokens = trained
    match_length, logprob = score(model, tokens, 96)
    half = new_model(Shape(hidden=64, layers=2, heads=4), 300, 64, seed=0)
    half.load_state_dict(model.state_dict())
    found, found_logprob = score(half.to(dtype).eval(), tokens, 96)
    assert found_logprob.dtype == np.float32
    assert ((found == 32) == (match_length == 32)).mean() >= 0.97
    np.testing.assert_allclose(found_logprob, logprob, rtol=0.05, atol=1.0)


@pytest.mark.parametrize("batch", [1, 17, 96, "auto"])
def test_memorized_gives_the_same_booleans_as_the_full_pass(trained, batch):
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
    monkeypatch.setattr(module, "CHUNK", 50)
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
    match_length, logprob = score(trained[0], np.empty((0, 64), np.int32), 8)
    assert match_length.shape == logprob.shape == (0,)
    assert (match_length.dtype, logprob.dtype) == (np.int8, np.float32)
    assert memorized(trained[0], np.empty((0, 64), np.int32), 8).shape == (0,)
