import numpy as np
import pytest
import torch

from memorization.labels import scan as module
from memorization.labels.extraction import score
from memorization.labels.scan import scan
from memorization.params import Shape
from memorization.suite import Suite
from memorization.suite.checkpoints import save_checkpoint
from memorization.suite.train import new_model

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def suite(tmp_path_factory):
    folder = tmp_path_factory.mktemp("suite")
    for step in (5, 10, 15):
        model = new_model(Shape(hidden=16, layers=1, heads=2), 300, 64, seed=step)
        save_checkpoint(model, folder / "micro-a" / f"step{step}")
    return Suite(folder, {"micro-a": 1}, (5, 10, 15), 4)


@pytest.fixture
def tokens():
    return np.random.default_rng(0).integers(0, 300, (20, 64)).astype(np.int32)


def test_every_column_is_its_checkpoint(suite, tokens, tmp_path):
    match_length, logprob = scan(suite, "micro-a", tokens, 8, tmp_path, CPU)
    assert match_length.shape == logprob.shape == (20, 3)
    for column, step in enumerate(suite.steps):
        expected = score(suite.load("micro-a", step), tokens, 8)
        np.testing.assert_array_equal(match_length[:, column], expected[0])
        np.testing.assert_array_equal(logprob[:, column], expected[1])
    assert not np.array_equal(logprob[:, 0], logprob[:, 1])


def test_an_interrupted_scan_goes_on_where_it_stopped(suite, tokens, tmp_path, monkeypatch, capsys):
    whole = scan(suite, "micro-a", tokens, 8, tmp_path / "whole", CPU)
    scored = []

    def interrupted(model, *rest):
        if len(scored) == 2:
            raise KeyboardInterrupt
        scored.append(model)
        return score(model, *rest)

    monkeypatch.setattr(module, "score", interrupted)
    with pytest.raises(KeyboardInterrupt):
        scan(suite, "micro-a", tokens, 8, tmp_path / "broken", CPU)
    # A file that was being written when the machine went down is not taken for a whole one.
    (tmp_path / "broken" / "step15.partial").write_bytes(b"half")
    scored.clear()
    again = scan(suite, "micro-a", tokens, 8, tmp_path / "broken", CPU)
    assert len(scored) == 1
    assert "going on from 40 of 60 sequences" in capsys.readouterr().out
    for a, b in zip(again, whole, strict=True):
        np.testing.assert_array_equal(a, b)
