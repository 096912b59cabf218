"""The arithmetic, against hand calculation, a simulated scan, and the cascade itself."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from memorization.errors import UserError
from memorization.extraction.score import memorized, score
from memorization.params import Shape
from memorization.planning import plan
from memorization.planning.cards import Card, card_named
from memorization.planning.plan import Machine, cascade_passes, cascade_plan, scan_plan
from memorization.suite.declared.declaration import read_declaration
from memorization.suite.micro.train import new_model

# 1 Gbit and 1 GB a second.
H100 = Machine(card_named("h100"), 1, 125e6, 1e9)
# Sequences of the cascade that is run.
N = 128
SMALL, LARGE = read_declaration().model("1.4b"), read_declaration().model("12b")


def test_a_scan_by_hand() -> None:
    """With 1 Gbit, 8 GPUs wait for the network, and one does not."""
    found = scan_plan(LARGE, 60_000, 143, replace(H100, gpus=8))
    size = 2 * 11_846_072_320 + 36 * 2048 * 2048  # 23.8 GB
    # 190.7 s to come, 23.8 s to be read for its digest; 23.8 s to load, 37.3 s to evaluate.
    fetch = size / 125e6 + size / 1e9
    evaluate = size / 1e9 + 60_000 * 2 * 63 * 11_846_072_320 / 300e12 / 8
    assert (fetch, evaluate) == (pytest.approx(214.6, abs=0.1), pytest.approx(61.2, abs=0.1))
    assert found.hours == pytest.approx((143 * fetch + evaluate) / 3600)
    assert found.bottleneck == "download"
    assert found.downloaded == pytest.approx(143 * size / 1e9)
    assert found.disk == pytest.approx(2 * size / 1e9)
    assert found.download_hours == pytest.approx(143 * size / 125e6 / 3600)
    assert found.batch == 4096  # 10.3 MB each, into 0.8 × 56.3 GB less 2.1 GB
    one = scan_plan(LARGE, 60_000, 143, H100)
    assert one.compute_hours == pytest.approx(8 * found.compute_hours)
    assert one.bottleneck == "compute"


@pytest.mark.parametrize("bandwidth", [1e7, 1e8, 1e9, 1e11])
@pytest.mark.parametrize("disk", [5e7, 1e9])
@pytest.mark.parametrize(("checkpoints", "runs"), [(1, 1), (2, 1), (9, 1), (9, 3), (2, 2)])
def test_the_hours_are_those_of_a_scan_step_by_step(
    bandwidth: float, disk: float, checkpoints: int, runs: int
) -> None:
    """As `streamed` goes: the next is fetched from when the last has come and is being used.

    Of several runs, the first checkpoint is fetched when the run before is done.
    """
    machine = Machine(card_named("100"), 2, bandwidth, disk)
    found = scan_plan(SMALL, 10_000, checkpoints, machine, runs)
    size = SMALL.checkpoint_bytes
    fetch = max(size / bandwidth, size / disk) + size / disk
    use = size / disk + 10_000 * 2 * 63 * SMALL.parameters / 100e12 / 2
    free = 0.0
    for run in range(runs):
        has_come = free + fetch
        for _ in range(run, checkpoints, runs):
            start = max(has_come, free)
            has_come, free = start + fetch, start + use
    assert found.hours == pytest.approx(free / 3600)
    # Twice as much of what is named the bottleneck saves more than twice as much of another.
    faster = {
        "download": replace(machine, bandwidth=2 * bandwidth),
        "disk": replace(machine, disk=2 * disk),
        "compute": replace(machine, gpus=4),
    }
    if (checkpoints, runs) == (9, 1):
        hours = {name: scan_plan(SMALL, 10_000, 9, other).hours for name, other in faster.items()}
        assert min(hours, key=lambda name: hours[name]) == found.bottleneck


def test_small_batches_wait_for_the_memory() -> None:
    card = Card("small", 30, 100, 24, 300, "made up")
    found = scan_plan(LARGE, 1000, 1, Machine(card, 1, 1e12, 1e12))
    # 24 GB hold the weights of 12b and hardly more: each sequence reads all weights again.
    assert (found.batch, found.is_memory_bound) == (1, True)
    seconds = 1000 * 2 * LARGE.parameters / 300e9
    assert found.compute_hours == pytest.approx(seconds / 3600)
    assert not scan_plan(SMALL, 1000, 1, Machine(card, 1, 1e12, 1e12)).is_memory_bound


def test_a_card_that_does_not_hold_the_model_is_refused() -> None:
    with pytest.raises(UserError, match=r"12b takes 23\.7 GB, T4 has 16 GB of memory; name a la"):
        scan_plan(LARGE, 1000, 1, replace(H100, card=card_named("t4")))


def test_the_cascade_by_hand() -> None:
    found = cascade_plan(LARGE, read_declaration(), replace(H100, gpus=8))
    # 32 + 3 × .48 + 4 × .15 + 8 × .09 + 63 × .054 tokens of each sequence
    assert found.tokens == pytest.approx(38.162)
    assert found.flops == pytest.approx(2 * 11_846_072_320 * 38.162 * 146_432_000)
    assert found.compute_hours == pytest.approx(found.flops / 8 / 300e12 / 3600)
    assert found.downloaded == pytest.approx(146_432_000 * 4098 / 1e9 + 23.843, abs=0.01)
    assert found.disk == pytest.approx(146_432_000 * 128 / 1e9 + 23.843, abs=0.01)
    # Before the first sequence: 190.7 s to come, and 23.8 s twice, to check and to load.
    assert found.hours == pytest.approx(found.compute_hours + (190.7 + 47.7) / 3600, rel=1e-4)
    assert found.bottleneck == "compute"
    slow = cascade_plan(SMALL, read_declaration(), replace(H100, gpus=64))
    assert (slow.bottleneck, slow.hours) == ("download", pytest.approx(1.34, abs=0.02))


def test_the_passes_are_those_of_the_cascade(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many tokens go through the layers of a model as the plan counts."""
    model = new_model(Shape(hidden=64, layers=2, heads=4), 512, 64, seed=0).eval()
    with torch.no_grad():  # so sure of each token that nothing is a near-tie
        model.gpt_neox.embed_in.weight.normal_(0, 1)
        model.lm_head.weight.copy_(model.gpt_neox.embed_in.weight.roll(1, 0))
    rng = np.random.default_rng(0)
    tokens = np.empty((N, 64), np.int64)
    tokens[:, :32] = rng.integers(1, 512, (N, 32))
    with torch.inference_mode():
        for place in range(32, 64):
            logits = model(torch.from_numpy(tokens[:, :place])).logits[:, -1]
            tokens[:, place] = logits.argmax(-1).numpy()
    wrong = np.minimum(rng.geometric(0.1, N) - 1, 32)
    rows = np.flatnonzero(wrong < 32)
    tokens[rows, 32 + wrong[rows]] = (tokens[rows, 32 + wrong[rows]] + 7) % 512
    right = score(model, tokens, 64)[0]
    np.testing.assert_array_equal(right, wrong)
    seen = []
    model.gpt_neox.layers[0].register_forward_pre_hook(
        lambda _, inputs: seen.append(inputs[0].shape[0] * inputs[0].shape[1])
    )
    np.testing.assert_array_equal(memorized(model, tokens, 64), right == 32)
    shares = {n: float(np.mean(right >= n)) for n in plan.STILL_RIGHT}
    monkeypatch.setattr(plan, "STILL_RIGHT", shares)
    assert sum(seen) == round(N * sum(n * share for n, share in cascade_passes()))
