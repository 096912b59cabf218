"""The stage on a results folder."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml
from miniature_study import MEMORIZED, MODELS, PER_STEP, POPULATION, TARGET, write_study

from memorization.errors import UserError
from memorization.stages import siblings as stage
from memorization.tables import SPLITS, read_table, write_table

ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A study in the working folder, with params."""
    write_study(tmp_path / "results")
    params = yaml.safe_load((ROOT / "tests" / "pipeline" / "params.yaml").read_text())
    shape = {"hidden": 16, "layers": 1, "heads": 2}
    params |= {"target": TARGET}
    params["suite"]["models"] = dict.fromkeys(MODELS, shape)
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_stage_counts_sets_of_the_whole_population(folder):
    stage.main()
    first = Path("results/metrics/siblings.json").read_bytes()
    stage.main()
    assert Path("results/metrics/siblings.json").read_bytes() == first
    found = json.loads(first)
    truth, said = set(MEMORIZED[TARGET].tolist()), set(MEMORIZED["micro-b"].tolist())
    pair = found["pairs"][TARGET]["micro-b"]
    assert pair["true_positive"] == len(truth & said)
    assert pair["false_positive"] == len(said - truth)
    assert pair["true_negative"] == POPULATION - len(truth | said)
    assert pair["recall"] == pytest.approx(len(truth & said) / len(truth), rel=1e-5)
    assert found["pairs"][TARGET]["micro-a"]["precision"] is None
    assert set(found["pairs"]) == {"micro-b", "micro-c"}
    tokens = 100 * PER_STEP * 64
    assert found["compute"] == {name: 6 * size * tokens for name, size in MODELS.items()}


def test_checkpoints_are_weighted_and_compared_on_what_all_were_evaluated_on(folder):
    stage.main()
    own = json.loads(Path("results/metrics/siblings.json").read_text())["checkpoints"]
    assert own["step"] == [25, 50, 75]
    assert own["relative_compute"] == [0.25, 0.5, 0.75]
    with np.load("results/trajectories.npz") as file:
        index, memorized = file["index"], file["memorized"]
    truth = np.isin(index, MEMORIZED[TARGET])
    assert own["evaluated_fraction"] < 0.5
    positives = truth & (index < 100)
    for place in range(3):
        # All positives stand for equally many.
        expected = (memorized[:, place] & positives).sum() / positives.sum()
        assert own["evaluated"]["recall"][place] == pytest.approx(expected, rel=1e-5)
        expected = (memorized[:, place] & truth).sum() / truth.sum()
        assert own["population"]["recall"][place] == pytest.approx(expected, rel=1e-5)


def test_tables_of_two_runs_are_not_mixed(folder):
    other = write_study(folder / "other")
    with np.load(other / "trajectories.npz") as file:
        arrays = dict(file)
    arrays["index"] = arrays["index"] + 1
    np.savez("results/trajectories.npz", **arrays)
    with pytest.raises(UserError, match="different runs"):
        stage.main()
    shutil.rmtree("results/suite")
    with pytest.raises(UserError, match="dvc repro suite"):
        stage.main()


def test_sequences_that_a_table_lacks_are_not_dropped(folder):
    splits = read_table("results/splits.parquet", SPLITS)
    write_table(splits[1:], "results/splits.parquet", SPLITS)
    with pytest.raises(UserError, match=r"results/splits.parquet: not about the sequences"):
        stage.main()
