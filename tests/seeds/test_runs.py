"""A seed's run: what is run, what is kept, how it goes on. The stages themselves are made up."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from memorization.errors import UserError
from memorization.files import read_json
from memorization.params import load_params
from memorization.seeds import runs
from memorization.seeds.__main__ import SEEDS, chosen
from memorization.seeds.runs import METRICS, STAGES, Run, made_from, run_of, study_of

ROOT = Path(__file__).parents[2]


PIPELINE = {
    stage: {"deps": [*deps, "src/x.py"], "params": ["seed", "target"], "outs": outs}
    for stage, deps, outs in (
        ("suite", ["data/corpus.tar.xz"], [{"results/suite": {"persist": True}}]),
        ("sequences", ["results/suite"], ["results/sequences.parquet"]),
        ("labels", ["results/suite", "results/sequences.parquet"], ["results/labels.parquet"]),
        ("features", ["results/suite"], ["results/features.parquet"]),
        ("split", ["results/labels.parquet"], ["results/splits.parquet"]),
        ("arm", ["results/suite", "results/labels.parquet"], ["results/arm.parquet"]),
        ("whether", ["results/features.parquet"], ["results/whether.parquet"]),
        ("when", ["results/features.parquet", "results/labels.parquet"], ["results/when.parquet"]),
    )
}
PIPELINE["split"]["params"] = ["split.folds"]


class Repository:
    """A repository whose stages note that they ran, and write what a run needs."""

    def __init__(self, folder):
        self.folder, self.ran, self.failing = folder, [], None
        (folder / "data").mkdir()
        (folder / "data/corpus.tar.xz").write_bytes(b"texts")
        (folder / "dvc.yaml").write_text(yaml.safe_dump({"stages": PIPELINE}))
        self.write_params()

    def write_params(self, **changes):
        settings = {"seed": 0, "target": "micro", "split": {"folds": 5}} | changes
        (self.folder / "params.yaml").write_text(yaml.safe_dump(settings))

    def run(self, seed):
        return run_of(self.folder, seed, 0, made_from(self.folder))

    def stage(self, root, folder, stage):
        if stage == self.failing:
            raise UserError("no room")
        self.ran.append(stage)
        results = folder / "results"
        checkpoint = results / "suite/micro/step1/model.safetensors"
        if stage == "suite":
            checkpoint.parent.mkdir(parents=True, exist_ok=True)
            checkpoint.write_bytes(b"weights")
            (results / "suite/manifest.json").write_text("{}")
        if stage == "labels":
            assert checkpoint.exists()
        (results / "metrics").mkdir(exist_ok=True)
        seed = yaml.safe_load((folder / "params.yaml").read_text())["seed"]
        assert (folder / "data/corpus.tar.xz").read_bytes() == b"texts"
        (results / f"metrics/{stage}.json").write_text(json.dumps({"seed": seed}))


@pytest.fixture
def repository(tmp_path, monkeypatch):
    made_up = Repository(tmp_path)

    def read(seed, results):
        metrics = {name: read_json(results / f"metrics/{name}.json") for name in METRICS}
        return Run(seed, metrics, pd.DataFrame(), None, None, np.arange(3), np.zeros(3, bool))

    monkeypatch.setattr(runs, "_run_stage", made_up.stage)
    monkeypatch.setattr(runs, "code_digest", lambda module, apart: module)
    monkeypatch.setattr(runs, "_read", read)
    return made_up


def test_a_run_keeps_its_tables_and_no_checkpoints(repository):
    found = repository.run(3)
    assert repository.ran == list(STAGES)
    assert found.metrics == {name: {"seed": 3} for name in METRICS}
    suite = repository.folder / "results/.seeds/3/results/suite"
    assert [path.name for path in suite.rglob("*") if path.is_file()] == ["manifest.json"]


def test_a_stage_is_repeated_when_what_it_reads_has_changed(repository):
    repository.run(3)
    repository.run(3)
    assert repository.ran == list(STAGES)
    repository.ran.clear()
    repository.write_params(split={"folds": 7})
    repository.run(3)
    assert repository.ran == ["split"]


def test_a_change_of_the_suite_repeats_all(repository):
    repository.run(3)
    repository.ran.clear()
    (repository.folder / "data/corpus.tar.xz").unlink()
    (repository.folder / "data/corpus.tar.xz").write_bytes(b"texts")
    repository.write_params(target="other")
    repository.run(3)
    assert repository.ran == list(STAGES)


def test_a_scan_after_the_checkpoints_are_gone_trains_anew(repository, monkeypatch):
    repository.run(3)
    repository.ran.clear()
    before = runs.code_digest

    def changed(module, apart):
        return "other" if module.endswith(".labels") else before(module, apart=apart)

    monkeypatch.setattr(runs, "code_digest", changed)
    repository.run(3)
    assert repository.ran == ["suite", "labels", "split", "when", "arm"]


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
    before = made_from(repository.folder)
    repository.write_params(seed=7)
    assert made_from(repository.folder) == before
    repository.write_params(target="other")
    assert all(digest != before[stage] for stage, digest in made_from(repository.folder).items())


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
