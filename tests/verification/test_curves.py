"""Losses and norms that no training has are told from those that it has."""

from __future__ import annotations

import numpy as np
import pytest

from memorization.suite.declared.declaration import read_declaration
from memorization.verification.branches import Branch, Kind
from memorization.verification.curves import Measured, of_weights, outliers, shrinking

STEPS = np.array([*read_declaration().early, *range(1000, 144_000, 1000)])


def losses(rng: np.random.Generator, noise: float) -> np.ndarray:
    """A loss that falls from 10.8 nats to 2.5, mostly in the first thousands of steps."""
    return 2.5 + 8.3 / (1 + (STEPS / 300) ** 0.9) + rng.normal(0, noise, len(STEPS))


@pytest.mark.parametrize("noise", [0.0, 0.02, 0.1])
def test_of_right_steps_hardly_any_is_accused(noise: float) -> None:
    rng = np.random.default_rng(1)
    found = sum(len(outliers(losses(rng, noise))) for _ in range(66))
    assert found <= 1  # of 10,032 that are tested


@pytest.mark.parametrize("place", [15, 30, 100, 152])
@pytest.mark.parametrize("by", [-0.5, 0.5, 5.0])
def test_a_step_off_the_curve_is_found_alone(place: int, by: float) -> None:
    curve = losses(np.random.default_rng(1), 0.02)
    curve[place] += by if place > 20 else 4 * by
    found = outliers(curve)
    assert list(found) == [place]
    outside, most = found[place]
    assert outside > most > 0.01


def test_the_order_of_losses_alone_matters() -> None:
    curve = losses(np.random.default_rng(0), 0.02)
    curve[50] += 1
    assert list(outliers(curve[::-1])) == [len(curve) - 51]
    assert list(outliers(-curve)) == [50]
    assert list(outliers(curve[40:55])) == [10]
    assert list(outliers(curve[41:55])) == list(outliers([])) == []  # too few


@pytest.mark.parametrize(
    ("norms", "wrong"),
    [
        ([], []),
        ([3.0], []),
        ([1.0, 2.0, 3.0, 3.0], []),
        # As decay does, slowly.
        (list(100 * 0.95 ** np.arange(50)), []),
        # Early weights in a run of late steps, and late weights in early ones.
        ([10, 11, 12, 13, 14, 7, 7, 15, 16], [5, 6]),
        ([20, 10, 12, 20, 14, 15, 16], [0, 3]),
    ],
)
def test_norms_may_not_fall(norms: list[float], wrong: list[int]) -> None:
    assert shrinking(norms) == wrong


def test_what_is_accused_is_no_neighbour() -> None:
    rng = np.random.default_rng(0)
    names = [f"step{step}" for step in STEPS]
    own = {
        Branch("a/b", name, "", {}): Measured(norm, float(loss), [], [])
        for name, norm, loss in zip(names, STEPS**0.1, losses(rng, 0.02), strict=True)
    }
    branches = list(own)
    assert of_weights(own, ()) == []
    own[branches[40]] = Measured(1e9, 50.0, [], [])
    own[branches[60]] = Measured(float("nan"), None, ["a", "b"], [])
    own[branches[80]] = Measured(1.0, float("inf"), [], [])
    own[branches[90]] = Measured(own[branches[90]].norm, None, [], ["c"])
    found = of_weights(own, {("a/b", names[40])})
    assert [(each.branch, each.kind) for each in found] == [
        (names[60], Kind.NOT_FINITE),
        (names[80], Kind.NOT_FINITE),
        (names[90], Kind.FORMATS),
    ]
    assert found[0].detail == "a and 1 more holds NaN or infinity"
    kinds = {each.kind for each in of_weights(own, ()) if each.branch == names[40]}
    assert kinds == {Kind.LOSS, Kind.NORM}
