import os
import signal
import sys
from functools import partial

import numpy as np
import pytest
import torch

from memorization.errors import UserError
from memorization.extraction.score import score
from memorization.labels import engine as engines
from memorization.labels import scan as module
from memorization.labels.checkpoints import models_on_disk
from memorization.labels.engine import shards_of
from memorization.labels.scan import read_margins, scan, scan_states
from memorization.params import Shape
from memorization.suite.checkpoints import save_checkpoint
from memorization.suite.micro.suite import MicroSuite
from memorization.suite.micro.train import new_model

CPU = torch.device("cpu")
STEPS = (5, 10, 15)
BATCH = 8


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Models that say the last token again: some of the sequences are memorized."""
    folder = tmp_path_factory.mktemp("suite")
    for step in STEPS:
        model = new_model(Shape(hidden=32, layers=1, heads=2), 300, 64, seed=step)
        with torch.no_grad():
            model.gpt_neox.embed_in.weight.normal_(0, 1)
            model.lm_head.weight.copy_(model.gpt_neox.embed_in.weight)
        save_checkpoint(model, folder / "micro-a" / f"step{step}")
    about = [{"name": "micro-a", "parameters": 1}]
    suite = MicroSuite(folder, {"suite": "micro", "models": about, "steps": list(STEPS)})
    return models_on_disk(suite, "micro-a")


@pytest.fixture
def tokens():
    """70 sequences of which 60 differ; a third is one token, again and again."""
    rng = np.random.default_rng(0)
    tokens = rng.integers(0, 300, (60, 64))
    tokens[::3] = np.arange(20)[:, None]
    return rng.permutation(np.concatenate([tokens, tokens[:10]])).astype(np.int32)


@pytest.fixture
def small_shards(monkeypatch):
    """Three of two batches each, and half a one."""
    monkeypatch.setattr(engines, "SHARD", 2 * BATCH + 1)


@pytest.fixture(scope="module")
def ray():
    """Ray with room for two workers of one thread, started as a scan starts it."""
    import ray

    before = torch.get_num_threads()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_ADDRESS", "local")
        patch.setattr(ray, "init", partial(ray.init, num_cpus=2, object_store_memory=100 << 20))
        torch.set_num_threads(1)
        yield engines.started("labels.engine")
    ray.shutdown()
    torch.set_num_threads(before)


def scanned(models, tokens, work, **options):
    index = np.arange(len(tokens))
    found = scan(index, tokens, STEPS, models, BATCH, work, CPU, margins=True, **options)
    return found.match_length, found.continuation_logprob


def files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_shards_are_whole_batches_of_distinct_texts_in_their_order(tokens, small_shards):
    shards = shards_of(tokens, BATCH)
    assert sorted(np.concatenate(shards)) == list(range(70))
    texts = [np.unique(tokens[rows], axis=0) for rows in shards]
    assert [len(text) for text in texts] == [16, 16, 16, 12]
    np.testing.assert_array_equal(np.concatenate(texts), np.unique(tokens, axis=0))


def test_no_sequences_are_one_shard(models, tmp_path):
    match_length, logprob = scanned(models, np.empty((0, 64), np.int32), tmp_path)
    assert match_length.shape == logprob.shape == (0, 3)


def test_shards_change_no_bit(models, tokens, tmp_path, small_shards):
    match_length, logprob = scanned(models, tokens, tmp_path)
    assert len(list(tmp_path.glob("step*.npz"))) == 12
    assert 0 < (match_length == 32).mean() < 1
    for column, (_, model) in enumerate(models(list(STEPS))):
        expected = score(model, tokens, BATCH)
        np.testing.assert_array_equal(match_length[:, column], expected[0])
        np.testing.assert_array_equal(logprob[:, column], expected[1])
    np.testing.assert_array_equal(read_margins(tmp_path)["memorized"], match_length[:, -1] == 32)


def test_without_ray_one_line_says_what_to_install(models, tokens, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UserError, match=r"Ray is not installed; run pip install '\.\[ray\]'"):
        scanned(models, tokens, tmp_path, engine="ray")
    assert files(tmp_path) == {}


@pytest.mark.parametrize("address", ["127.0.0.1:1", "a machine"])
def test_a_cluster_that_does_not_answer_is_an_error(address, models, tokens, tmp_path, monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", address)
    with pytest.raises(UserError, match=f"^RAY_ADDRESS={address}: no Ray cluster answers"):
        scanned(models, tokens, tmp_path, engine="ray")


def test_a_cluster_without_room_is_an_error(ray, models, tokens, tmp_path, monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: 3)
    with pytest.raises(UserError, match="a worker takes 3 CPUs and the cluster has 2; lower"):
        scanned(models, tokens, tmp_path, engine="ray")


@pytest.mark.parametrize("way", ["scan", "census"])
def test_rays_workers_write_the_same_bytes(ray, models, tokens, tmp_path, small_shards, way):
    for engine in ("local", "ray"):
        if way == "scan":
            scanned(models, tokens, tmp_path / engine, engine=engine)
        else:
            options = BATCH, tmp_path / engine, CPU, "census", engine
            scan_states(tokens, STEPS, models, *options)
    assert files(tmp_path / "ray") == files(tmp_path / "local")
    assert len(files(tmp_path / "ray")) == 13


def dying(task, marker, times):
    """Return the task, whose process is killed when it is nearly done, so many times."""

    def killed(model, tokens, advance):
        found = task(model, tokens, advance)
        deaths = len(list(marker.iterdir()))
        if deaths < times and len(tokens) < 16:  # one unit alone: the last shard
            (marker / str(os.getpid())).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return found

    return killed


def test_a_killed_workers_units_are_done_by_others_with_the_same_bytes(
    ray, models, tokens, tmp_path, small_shards, monkeypatch
):
    scanned(models, tokens, tmp_path / "local")
    deaths = tmp_path / "deaths"
    deaths.mkdir()
    real = module.partial
    monkeypatch.setattr(module, "partial", lambda *a, **k: dying(real(*a, **k), deaths, 2))
    scanned(models, tokens, tmp_path / "ray", engine="ray")
    assert len(list(deaths.iterdir())) == 2
    assert os.getpid() not in {int(path.name) for path in deaths.iterdir()}
    assert files(tmp_path / "ray") == files(tmp_path / "local")


def test_what_always_ends_its_worker_is_given_up_and_the_rest_taken_up(
    ray, models, tokens, tmp_path, small_shards, monkeypatch, capsys
):
    deaths = tmp_path / "deaths"
    deaths.mkdir()
    real = module.partial
    with monkeypatch.context() as patch:
        patch.setattr(module, "partial", lambda *a, **k: dying(real(*a, **k), deaths, 99))
        with pytest.raises(UserError, match=r"a worker was lost 3 times at step.*run the same"):
            scanned(models, tokens, tmp_path / "work", engine="ray")
    kept = files(tmp_path / "work")
    assert 0 < len(kept) < 12
    assert "step15-3.npz" not in kept
    # By the other engine: what is done does not depend on it.
    scanned(models, tokens, tmp_path / "work")
    assert "going on from" in capsys.readouterr().out
    scanned(models, tokens, tmp_path / "local")
    assert files(tmp_path / "work") == files(tmp_path / "local")


def test_an_error_of_the_work_is_raised_as_it_was(ray, models, tokens, tmp_path):
    def damaged(steps):
        for step, model in models(steps):
            model.lm_head.weight.data[:] = torch.nan
            yield step, model

    with pytest.raises(UserError, match=r"step15: gives logits that are not finite for 60 of"):
        scanned(damaged, tokens[:60], tmp_path, engine="ray")
    assert files(tmp_path) == {}
