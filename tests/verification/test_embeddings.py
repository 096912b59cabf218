"""A tensor is read as safetensors reads it, and a step that is out of line is found."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from safetensors.torch import save

from memorization.verification.branches import Branch
from memorization.verification.embeddings import HEADER, ROWS, TENSOR, Piece, jumps, read_piece


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
@pytest.mark.parametrize("n_others", [0, 500])
def test_the_first_values_are_those_that_were_saved(dtype: torch.dtype, n_others: int) -> None:
    embedding = torch.randn(100, 64, generator=torch.Generator().manual_seed(0)).to(dtype)
    others = {f"a.long.name.of.a.tensor.{i}": torch.zeros(2) for i in range(n_others)}
    content = save(others | {TENSOR: embedding})
    assert (int.from_bytes(content[:8], "little") > HEADER) == (n_others > 0)
    asked: list[int] = []

    def read(start: int, stop: int) -> bytes:
        asked.append(stop - start)
        return content[start:stop]

    values = read_piece(read, len(content))
    assert np.array_equal(values, embedding.float().reshape(-1)[: ROWS // dtype.itemsize])
    assert len(asked) == 2 + (n_others > 0)


def header(said: object) -> bytes:
    text = json.dumps(said).encode()
    return len(text).to_bytes(8, "little") + text


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"version https://git-lfs.github.com/spec/v1", "no safetensors file"),
        (b"", "no safetensors file"),
        ((1 << 40).to_bytes(8, "little"), "no safetensors file"),
        (header({"other": {}}), "holds no"),
        (header([1]), "holds no"),
        (b"\3" + bytes(7) + b"\xff{}", "holds no"),
        (header({TENSOR: {"dtype": "I64", "data_offsets": [0, 8]}}), "holds no"),
        (header({TENSOR: {"dtype": "F16", "data_offsets": [0, 8]}}), "not inside"),
        (header({TENSOR: {"dtype": "F16", "data_offsets": [-8, 0]}}) + bytes(8), "not inside"),
        (header({TENSOR: {"dtype": "F16", "data_offsets": ["0", 8]}}) + bytes(8), "holds no"),
    ],
)
def test_what_is_no_such_file_is_refused(content: bytes, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        read_piece(lambda start, stop: content[start:stop], len(content))


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
