import numpy as np
import pytest
import torch

from memorization.params import Shape, Training
from memorization.resume import KEPT
from memorization.suite.checkpoints import load_checkpoint
from memorization.suite.micro import train as module
from memorization.suite.micro.train import checkpoint_steps, learning_rate, new_model, train

SHAPE = Shape(hidden=16, layers=1, heads=2)
TRAINING = Training(steps=12, sequences_per_step=4, learning_rate=0.01, weight_decay=0.1)
STEPS = checkpoint_steps(12, 4)
CPU = torch.device("cpu")


@pytest.fixture
def windows():
    return np.random.default_rng(0).integers(0, 300, (48, 64)).astype(np.uint16)


def files(folder):
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_an_interrupted_run_ends_with_the_same_bytes(tmp_path, windows, monkeypatch):
    train(new_model(SHAPE, 300, 64, 0), windows, TRAINING, STEPS, tmp_path / "whole", CPU)
    rate = learning_rate

    def interrupt(step, steps, peak):
        if step == 8:  # after the checkpoints of steps 3 and 6, between two others
            raise KeyboardInterrupt
        return rate(step, steps, peak)

    monkeypatch.setattr(module, "learning_rate", interrupt)
    broken = tmp_path / "broken"
    with pytest.raises(KeyboardInterrupt):
        train(new_model(SHAPE, 300, 64, 0), windows, TRAINING, STEPS, broken, CPU)
    assert {"step3", "step6", module.STATE, KEPT} == {p.name for p in broken.iterdir()}

    taken = []
    monkeypatch.setattr(
        module, "learning_rate", lambda step, *rest: taken.append(step) or rate(step, *rest)
    )
    train(new_model(SHAPE, 300, 64, 1), windows, TRAINING, STEPS, broken, CPU)
    assert taken[0] == 7
    assert files(broken) == files(tmp_path / "whole")


def test_training_follows_a_plain_loop_of_torch(tmp_path, windows):
    train(new_model(SHAPE, 300, 64, 0), windows, TRAINING, STEPS, tmp_path / "ours", CPU)
    model = new_model(SHAPE, 300, 64, 0).train()
    decayed = {p for p in model.parameters() if p.ndim > 1}
    optimizer = torch.optim.AdamW(
        [
            {"params": list(decayed), "weight_decay": 0.1},
            {"params": [p for p in model.parameters() if p not in decayed], "weight_decay": 0.0},
        ],
        lr=0.01,
        betas=(0.9, 0.95),
    )
    for step in range(1, 13):
        batch = torch.from_numpy(windows[4 * (step - 1) : 4 * step].astype(np.int64))
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, 12, 0.01)
        model(batch, labels=batch).loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
    ours = load_checkpoint(tmp_path / "ours" / "step12")
    # Outputs, not weights: the keys' biases have no effect, and Adam follows their rounding noise.
    tokens = torch.from_numpy(windows[:8].astype(np.int64))
    with torch.inference_mode():
        torch.testing.assert_close(ours(tokens).logits, model(tokens).logits, rtol=0, atol=1e-4)


def test_learning_rate_warms_up_and_falls_to_a_tenth():
    rates = [learning_rate(step, 1000, 2.0) for step in range(1, 1001)]
    assert rates[0] == pytest.approx(0.2)
    assert rates[9] == 2.0 == max(rates)
    assert rates[-1] == pytest.approx(0.2)
    assert rates[504] == pytest.approx(1.1, rel=1e-2)  # half-way down
    assert (np.diff(rates[9:]) <= 0).all()


def test_checkpoints_are_evenly_spaced_and_end_at_the_end():
    steps = np.array(checkpoint_steps(4576, 143))
    assert len(steps) == 143
    assert set(np.diff(steps)) == {32}
    assert steps[-1] == 4576
    assert checkpoint_steps(5, 5) == (1, 2, 3, 4, 5)


def test_models_of_one_seed_are_equal_and_of_two_are_not():
    first, same, other = (new_model(SHAPE, 300, 64, seed) for seed in (0, 0, 1))
    assert torch.equal(first.lm_head.weight, same.lm_head.weight)
    assert not torch.equal(first.lm_head.weight, other.lm_head.weight)
