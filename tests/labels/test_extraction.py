import numpy as np
import pytest
import torch

from memorization.labels.extraction import score
from memorization.params import Shape, Training
from memorization.suite.checkpoints import load_checkpoint
from memorization.suite.train import new_model, train


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A model trained until it has memorized some of its sequences, and all of the sequences."""
    rng = np.random.default_rng(0)
    texts = rng.integers(1, 300, (96, 64)).astype(np.uint16)
    # The first are seen often, the last once.
    repeats = np.maximum(1, 60 - np.arange(96))
    windows = rng.permutation(np.repeat(texts, repeats, axis=0))
    windows = windows[: len(windows) // 8 * 8]
    training = Training(
        steps=len(windows) // 8, sequences_per_step=8, learning_rate=0.01, weight_decay=0.0
    )
    folder = tmp_path_factory.mktemp("model")
    model = new_model(Shape(hidden=64, layers=2, heads=4), 300, 64, seed=0)
    train(model, windows, training, (training.steps,), folder, torch.device("cpu"))
    return load_checkpoint(folder / f"step{training.steps}"), texts.astype(np.int32)


def test_labels_equal_greedy_generation(trained):
    model, tokens = trained
    match_length, _ = score(model, tokens, batch=17)
    prompts = torch.from_numpy(tokens[:, :32].astype(np.int64))
    generated = model.generate(
        prompts,
        attention_mask=torch.ones_like(prompts),
        max_new_tokens=32,
        min_new_tokens=32,
        do_sample=False,
        use_cache=False,
        pad_token_id=0,
    )[:, 32:].numpy()
    agrees = generated == tokens[:, 32:]
    expected = np.where(agrees.all(1), 32, agrees.argmin(1))
    assert (expected == 32).sum() >= 10  # the test has positives ...
    assert (expected < 32).sum() >= 10  # ... and negatives
    np.testing.assert_array_equal(match_length, expected)


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
    shuffled = np.concatenate([tokens[::-1], tokens[5:6]])
    match_length, logprob = score(model, tokens, batch=7)
    again, logprob_again = score(model, shuffled, batch=7)
    np.testing.assert_array_equal(again, np.append(match_length[::-1], match_length[5]))
    np.testing.assert_array_equal(logprob_again, np.append(logprob[::-1], logprob[5]))


def test_progress_counts_every_row_once(trained):
    model, tokens = trained
    done = []
    score(model, np.repeat(tokens, 2, axis=0), batch=10, advance=done.append)
    assert sum(done) == 192
