"""A step whose embedding is out of line is found, and two formats of two models are."""

from __future__ import annotations

import numpy as np
import pytest

from memorization.verification.branches import Branch
from memorization.verification.embeddings import Piece, jumps, of_two_models


def line(values: np.ndarray) -> list[Piece]:
    return [Piece(Branch("a/b", f"step{step}", "", {}), own) for step, own in enumerate(values)]


@pytest.mark.parametrize("path", ["straight", "random walk", "jitter", "exponential", "halving"])
def test_steps_on_a_path_are_not_accused(path: str) -> None:
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(150, 512))
    walks = {
        "straight": np.arange(150)[:, None] + 0.1 * noise,
        "random walk": noise.cumsum(0),
        "jitter": 5 + noise,
        "exponential": np.exp(0.3 * np.arange(150)[:, None]) * noise[:1],
        "halving": 0.7 ** np.arange(150)[:, None] * noise[:1],
    }
    assert jumps(line(walks[path]), ()) == []


@pytest.mark.parametrize("step", [1, 50, 120])
def test_an_outlier_alone_is_accused_and_not_its_neighbours(step: int) -> None:
    walk = np.random.default_rng(0).normal(size=(150, 512)).cumsum(0)
    walk[step] = walk[-1] + 1
    assert [found.branch for found in jumps(line(walk), ())] == [f"step{step}"]
    assert jumps(line(walk), {("a/b", f"step{step}")}) == []


def test_each_stage_is_a_line_of_its_own() -> None:
    """A second stage begins where the first ended, not beside its steps of the same number."""
    walk = np.random.default_rng(0).normal(size=(40, 512)).cumsum(0)
    names = [f"stage1-step{step}-tokens1B" for step in range(20)]
    names += [f"stage2-ingredient1-step{step}-tokens1B" for step in range(20)]
    pieces = [
        Piece(Branch("a/b", name, "", {}), own) for name, own in zip(names, walk, strict=True)
    ]
    assert jumps(pieces[::-1], ()) == []
    wrong = [*pieces[:5], Piece(pieces[5].branch, walk[30]), *pieces[6:]]
    assert [found.branch for found in jumps(wrong, ())] == [names[5]]


@pytest.mark.parametrize(
    ("change", "is_wrong"),
    [
        (lambda values: values, False),
        (lambda values: values.astype(np.float16)[:1024], False),
        # Another 1,000 steps change a weight by a percent or more.
        (lambda values: values * 1.01, True),
        (lambda values: np.append(values[:-1], -values[-1]), True),
        (lambda values: np.append(values[:-1], np.nan), True),
    ],
)
def test_formats_may_differ_by_rounding_alone(change, is_wrong: bool) -> None:
    values = np.random.default_rng(0).normal(scale=0.02, size=2048).astype(np.float32)
    branch, other = (Branch("a/b", name, "", {}) for name in ("step1", "step2"))
    pieces = [Piece(branch, values), Piece(branch, change(values), "bin"), Piece(other, values)]
    assert [found.branch for found in of_two_models(pieces)] == ["step1"] * is_wrong
