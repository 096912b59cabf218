"""A seed's run: what is run, what is kept, how it goes on. The stages themselves are made up."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from made_up_arm import outcomes_table

from memorization.errors import UserError
from memorization.params import load_params
from memorization.seeds import runs
from memorization.seeds.__main__ import SEEDS, chosen
from memorization.seeds.runs import STAGES, made_from, run_of, study_of
from memorization.tables import ARM, write_table

ROOT = Path(__file__).parents[2]


class Repository:
    """A repository whose stages note that they ran, and write what a run keeps."""

    def __init__(self, folder):
        self.folder, self.ran, self.failing = folder, [], None
        (folder / "data").mkdir()
        (folder / "data/corpus.tar.xz").write_bytes(b"texts")
        (folder / "params.yaml").write_text("seed: 0\ntarget: micro\n")

    def run(self, seed, **changes):
        origin = {"params": "1", "code": "2", "corpus": "3"} | changes
        return run_of(self.folder, seed, 0, origin)

    def stage(self, root, folder, stage):
        if stage == self.failing:
            raise UserError("no room")
        self.ran.append(stage)
        results = folder / "results"
        (results / "suite").mkdir(parents=True, exist_ok=True)
        (results / "suite/model.safetensors").write_bytes(b"weights")
        (results / "metrics").mkdir(exist_ok=True)
        seed = yaml.safe_load((folder / "params.yaml").read_text())["seed"]
        assert (folder / "data/corpus.tar.xz").read_bytes() == b"texts"
        if stage in runs.METRICS:
            (results / f"metrics/{stage}.json").write_text(json.dumps({"seed": seed}))
        if stage == "arm":
            write_table(outcomes_table(seed), results / "arm.parquet", ARM)


@pytest.fixture
def repository(tmp_path, monkeypatch):
    made_up = Repository(tmp_path)
    monkeypatch.setattr(runs, "_run_stage", made_up.stage)
    memorized = np.arange(3), np.array([True, False, True])
    monkeypatch.setattr(runs, "_memorized", lambda results: memorized)
    return made_up


def test_a_run_keeps_what_the_summary_needs_and_no_checkpoints(repository):
    found = repository.run(3)
    assert repository.ran == list(STAGES)
    assert found.metrics == {name: {"seed": 3} for name in runs.METRICS}
    pd.testing.assert_frame_equal(found.arm, outcomes_table(3))
    assert found.memorized.tolist() == [True, False, True]
    kept = {path.name for path in (repository.folder / "results/.seeds/3/results").iterdir()}
    assert kept == {"metrics", "arm.parquet", "memorized.npz"}


def test_a_finished_run_is_not_repeated_but_for_other_code(repository):
    repository.run(3)
    repository.run(3)
    assert repository.ran == list(STAGES)
    repository.run(3, code="changed")
    assert repository.ran == 2 * list(STAGES)


def test_an_interrupted_run_goes_on_with_the_stage_that_it_was_in(repository):
    repository.failing = "split"
    with pytest.raises(UserError, match="no room"):
        repository.run(3)
    repository.failing = None
    repository.run(3)
    assert repository.ran == list(STAGES)


def test_the_own_seed_is_the_repository_itself(repository):
    for stage in STAGES:
        repository.stage(repository.folder, repository.folder, stage)
    assert repository.run(0).metrics["whether"] == {"seed": 0}
    assert not (repository.folder / "results/.seeds").exists()


def test_what_a_run_is_made_from_leaves_out_the_seed_alone(repository):
    settings = repository.folder / "params.yaml"
    before = made_from(repository.folder)
    settings.write_text("target: micro\nseed: 7\n")
    assert made_from(repository.folder) == before
    settings.write_text("target: other\nseed: 7\n")
    assert made_from(repository.folder)["params"] != before["params"]


def test_a_failing_stage_is_named(tmp_path, capfd):
    (tmp_path / "1").mkdir()
    with pytest.raises(UserError, match="seed 1: the stage split failed, as it says above"):
        runs._run_stage(ROOT, tmp_path / "1", "split")
    assert "params.yaml: not found" in capfd.readouterr().err


def test_the_study_does_not_depend_on_the_seed():
    params = load_params(ROOT / "params.yaml")
    assert study_of(params) == study_of(params.model_copy(update={"seed": 9}))
    assert study_of(params) != study_of(params.model_copy(update={"target": "micro-140k"}))


@pytest.mark.parametrize("arguments", [["one"], ["3"], ["1", "1"], ["-1", "2"]])
def test_seeds_are_two_different_numbers_at_least(arguments):
    with pytest.raises(UserError, match="name"):
        chosen(arguments)
    assert chosen([]) == SEEDS
