import gc
import weakref

import numpy as np
import pytest
import torch
from labels.remote import assert_same, stopping_after

from memorization.errors import UserError
from memorization.extraction.margins import margins
from memorization.extraction.score import score
from memorization.labels import scan as module
from memorization.labels.checkpoints import models_on_disk
from memorization.labels.scan import scan
from memorization.params import Shape
from memorization.suite.checkpoints import save_checkpoint
from memorization.suite.micro.suite import MicroSuite
from memorization.suite.micro.train import new_model

CPU = torch.device("cpu")
STEPS = (5, 10, 15)
INDEX = np.arange(20) * 3


@pytest.fixture(scope="module")
def suite(tmp_path_factory):
    folder = tmp_path_factory.mktemp("suite")
    for step in STEPS:
        model = new_model(Shape(hidden=16, layers=1, heads=2), 300, 64, seed=step)
        save_checkpoint(model, folder / "micro-a" / f"step{step}")
    models = [{"name": "micro-a", "parameters": 1}]
    return MicroSuite(folder, {"suite": "micro", "models": models, "steps": list(STEPS)})


@pytest.fixture
def tokens():
    return np.random.default_rng(0).integers(0, 300, (20, 64)).astype(np.int32)


def scanned(suite, tokens, work, steps=STEPS, **options):
    return scan(INDEX, tokens, steps, models_on_disk(suite, "micro-a"), 8, work, CPU, **options)


def test_every_column_is_its_checkpoint(suite, tokens, tmp_path):
    found = scanned(suite, tokens, tmp_path)
    assert found.match_length.shape == found.continuation_logprob.shape == (20, 3)
    for column, step in enumerate(STEPS):
        expected = score(suite.load("micro-a", step), tokens, 8)
        np.testing.assert_array_equal(found.match_length[:, column], expected[0])
        np.testing.assert_array_equal(found.continuation_logprob[:, column], expected[1])
    logprob = found.continuation_logprob
    assert not np.array_equal(logprob[:, 0], logprob[:, 1])
    assert found.observed.all()
    assert found.steps.tolist() == list(STEPS)
    np.testing.assert_array_equal(found.index, INDEX)


def test_in_the_place_of_the_model_before_as_on_a_gpu(suite, tokens, tmp_path, monkeypatch):
    plain = scanned(suite, tokens, tmp_path / "plain")
    used = []

    def remembered(model, *rest):
        used.append(model)
        return score(model, *rest[:3])  # eagerly

    monkeypatch.setattr(module, "score", remembered)
    assert_same(scanned(suite, tokens, tmp_path / "placed", compiled=True), plain)
    assert len(used) == 3
    assert used[0] is used[1] is used[2]


def test_the_last_comes_first_and_is_told_at_once_and_each_is_let_go(suite, tokens, tmp_path):
    order, alive, told = [], [], []

    def models(steps):
        for step, model in models_on_disk(suite, "micro-a")(steps):
            gc.collect()
            assert [ref for ref in alive if ref() is not None] == []
            alive.append(weakref.ref(model))
            order.append(step)
            yield step, model
            del model

    def at_end(match_length):
        told.append((list(order), match_length))

    found = scan(INDEX, tokens, STEPS, models, 8, tmp_path, CPU, at_end=at_end)
    assert order == [15, 5, 10]
    assert told[0][0] == [15]
    np.testing.assert_array_equal(told[0][1], found.match_length[:, -1])
    # Also when it was evaluated by a run that was interrupted.
    scan(INDEX, tokens, STEPS, models, 8, tmp_path, CPU, at_end=at_end)
    assert len(told) == 2


def test_an_interrupted_scan_goes_on_where_it_stopped(suite, tokens, tmp_path, monkeypatch, capsys):
    whole = scanned(suite, tokens, tmp_path / "whole")
    done = []
    monkeypatch.setattr(module, "score", stopping_after(2, done))
    with pytest.raises(KeyboardInterrupt):
        scanned(suite, tokens, tmp_path / "broken")
    # A file that was being written when the machine went down is not taken for a whole one.
    (tmp_path / "broken" / "step10.partial").write_bytes(b"half")
    done.clear()
    again = scanned(suite, tokens, tmp_path / "broken")
    assert len(done) == 1
    assert "going on from 40 of 60 sequences" in capsys.readouterr().out
    assert_same(again, whole)


def test_a_sparse_scan_is_the_columns_of_the_whole_and_its_work_is_taken_up(
    suite, tokens, tmp_path, monkeypatch
):
    whole = scanned(suite, tokens, tmp_path / "whole")
    sparse = scanned(suite, tokens, tmp_path / "sparse", (5, 15))
    np.testing.assert_array_equal(sparse.match_length, whole.match_length[:, [0, 2]])
    np.testing.assert_array_equal(
        sparse.continuation_logprob, whole.continuation_logprob[:, [0, 2]]
    )
    done = []
    monkeypatch.setattr(module, "score", stopping_after(9, done))
    assert_same(scanned(suite, tokens, tmp_path / "sparse"), whole)
    assert len(done) == 1


def test_a_full_disk_leaves_the_finished_checkpoints(suite, tokens, tmp_path, monkeypatch):
    savez, written = np.savez, []

    def full(file, **arrays):
        if len(written) == 1:
            file.write(b"half")
            raise OSError(28, "No space left on device")
        written.append(file)
        savez(file, **arrays)

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(UserError, match=r"No space left on device.*make room and run the same"):
        scanned(suite, tokens, tmp_path)
    assert [path.name for path in tmp_path.glob("*.npz")] == ["step15-0.npz"]
    monkeypatch.undo()
    again = scanned(suite, tokens, tmp_path)
    assert_same(again, scanned(suite, tokens, tmp_path / "other"))


@pytest.mark.parametrize("way", ["scan", "census"])
def test_margins_are_those_of_the_last_checkpoint_and_only_where_asked_for(
    suite, tokens, tmp_path, way
):
    if way == "scan":
        scanned(suite, tokens, tmp_path / "without")
        assert not (tmp_path / "without" / "margins.npz").exists()
        scanned(suite, tokens, tmp_path, margins=True)
    else:
        module.scan_states(tokens, STEPS, models_on_disk(suite, "micro-a"), 8, tmp_path, CPU)
    found = module.read_margins(tmp_path)
    expected, decided = margins(suite.load("micro-a", 15), tokens, 8)
    np.testing.assert_array_equal(found["margin"], expected)
    np.testing.assert_array_equal(found["memorized"], decided)
    assert str(found["precision"]) == "float32"
