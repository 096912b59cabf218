"""The measurement: how long it goes on, what it makes of seconds, and that it runs."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from memorization.params import load_params
from memorization.planning import measured
from memorization.planning.measured import seconds_each, sustained, this_machine
from memorization.suite.declared.declaration import PublishedModel

PARAMS = Path(__file__).parents[2] / "params.yaml"
MODEL = PublishedModel("made-up", 1_000_000, 6, 32, 2, 512)


def test_layers_are_added_up() -> None:
    # The first layer and the head 2 ms, each of the five others 1 ms.
    assert sustained(MODEL, {1: 0.002, 4: 0.005}) == pytest.approx(2 * 1e6 * 63 / 0.007 / 1e12)
    # Timing is not exact: more layers never take less.
    assert sustained(MODEL, {1: 0.002, 4: 0.001}) == pytest.approx(2 * 1e6 * 63 / 0.002 / 1e12)
    assert sustained(MODEL, {1: 0.007}) > 0


def test_it_takes_as_many_sequences_as_take_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def timed(_: object, n: int) -> float:
        asked.append(n)
        return 0.01 * n + (5.0 if len(asked) == 6 else 0.0)  # once something else gets in the way

    monkeypatch.setattr(measured, "timed", timed)
    assert seconds_each(lambda n: None) == pytest.approx(0.01)
    assert asked == [8, 16, 32, 64, 128, 128, 128, 128]


def test_this_machine_has_a_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measured, "LONG", 0.001)
    threads = torch.get_num_threads()
    try:
        card = this_machine(MODEL, load_params(PARAMS))
    finally:
        torch.set_num_threads(threads)
    # TFLOP/s: no machine is so slow, or so fast.
    assert 1e-6 < card.sustained < 1e4
    assert card.source == "measured here"
