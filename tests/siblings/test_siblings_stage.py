"""The stage on a results folder."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from miniature_study import MEMORIZED, MODELS, PER_STEP, POPULATION, TARGET, write_study

from memorization.errors import UserError
from memorization.labels.trajectories import Trajectories
from memorization.stages import siblings as stage
from memorization.tables import SPLITS, read_table, write_table

ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A study in the working folder, with params."""
    write_study(tmp_path / "results")
    params = yaml.safe_load((ROOT / "tests" / "pipeline" / "params.yaml").read_text())
    params["target"] = TARGET
    params["suite"]["models"] = {m: {"hidden": 16, "layers": 1, "heads": 2} for m in MODELS}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_stage_counts_the_population_and_weighs_the_sample(folder):
    stage.main()
    first = Path("results/metrics/siblings.json").read_bytes()
    stage.main()
    assert Path("results/metrics/siblings.json").read_bytes() == first
    found = json.loads(first)
    truth, said = set(MEMORIZED[TARGET].tolist()), set(MEMORIZED["micro-b"].tolist())
    pair = found["pairs"][TARGET]["micro-b"]
    assert pair["true_positive"] == len(truth & said)
    assert pair["true_negative"] == POPULATION - len(truth | said)
    assert found["pairs"][TARGET]["micro-a"]["precision"] is None
    tokens = 100 * PER_STEP * 64
    assert found["compute"] == {name: 6 * size * tokens for name, size in MODELS.items()}
    own = found["checkpoints"]
    assert own["relative_compute"] == [0.25, 0.5, 0.75]
    trajectories = Trajectories.read("results/trajectories.npz")
    memorized, truth = trajectories.memorized, np.isin(trajectories.index, MEMORIZED[TARGET])
    seen = trajectories.index < 25 * PER_STEP
    for view, rows in {"population": truth, "evaluated": truth & seen}.items():
        # All positives stand for equally many.
        recall = memorized[rows, :3].mean(axis=0)
        assert own[view]["recall"] == pytest.approx(recall.tolist(), rel=1e-5)


def test_tables_of_two_runs_are_not_mixed(folder):
    trajectories = Trajectories.read("results/trajectories.npz")
    replace(trajectories, index=trajectories.index + 1).write("results/trajectories.npz")
    with pytest.raises(UserError, match="different runs"):
        stage.main()
    splits = read_table("results/splits.parquet", SPLITS)
    write_table(splits[1:], "results/splits.parquet", SPLITS)
    with pytest.raises(UserError, match=r"results/splits.parquet: not about the sequences"):
        stage.main()
    shutil.rmtree("results/suite")
    with pytest.raises(UserError, match="dvc repro suite"):
        stage.main()
