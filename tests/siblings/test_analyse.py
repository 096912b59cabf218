"""Which source the checkpoints' metrics come from."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from made_up_study import make_study

from memorization.evaluation.bootstrap import Bootstrap
from memorization.labels.trajectories import published_trajectories
from memorization.siblings.analyse import sibling_metrics
from memorization.suite.read import read_suite

EVALS = {"70m": [3, 9], "12b": [3, 8, 9, 30], "12b.step5": [3, 4], "12b.step10": [3, 8]}


@pytest.fixture
def suite(tmp_path):
    manifest = {
        "suite": "pythia",
        "population": 40,
        "window": 2049,
        "sequences_per_step": 2,
        "steps": [5, 10, 15, 20],
        "models": [{"name": "70m", "parameters": 70}, {"name": "12b", "parameters": 12_000}],
    }
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    (tmp_path / "evals").mkdir()
    for name, index in EVALS.items():
        # An index at the border of two ranks is published twice.
        table = pa.table({"index": [*index, index[0]] if "step" in name else index})
        parquet.write_table(table, tmp_path / "evals" / f"{name}.parquet")
    return read_suite(tmp_path)


def made(suite, evaluations):
    index = np.array([3, 4, 9, 20, 35])
    known = {step: np.array(found) for step, found in evaluations.items()}
    trajectories = published_trajectories(index, known, 2)
    study = make_study(truth=np.isin(index, EVALS["12b"]), index=index)
    bootstrap = Bootstrap.of(study.cluster, 20, 0.9, np.random.default_rng(0))
    return sibling_metrics(study, suite, "12b", trajectories, bootstrap)


@pytest.mark.parametrize("evaluations", [{20: [3, 9]}, {5: [3, 4], 10: [3], 20: [3, 9]}])
def test_what_is_published_of_all_is_exact(suite, evaluations):
    found = made(suite, evaluations)
    own = found["checkpoints"]
    assert own["step"] == [5, 10]
    assert own["relative_compute"] == [0.25, 0.5]
    assert own["population"]["recall"] == [1 / 4, 2 / 4]
    assert own["population"]["precision"] == [1 / 2, 1]
    # Of the first ten: 3, 8 and 9.
    assert own["evaluated"]["recall"] == pytest.approx([1 / 3, 2 / 3])
    assert own["evaluated_fraction"] == 0.25
    assert found["pairs"]["12b"]["70m"]["recall"] == 0.5
    assert found["evaluated_pairs"]["70m"]["recall"] == pytest.approx(2 / 3)
    assert found["evaluated_pairs"]["70m"]["true_negative"] == 7
    assert found["compute"]["70m"] == 6 * 70 * 20 * 2 * 2048


def test_a_scan_of_other_checkpoints_is_weighted(suite):
    found = made(suite, {10: [3], 15: [3, 4], 20: [3, 9]})
    own = found["checkpoints"]
    assert own["step"] == [10, 15]
    assert own["population"]["recall"] == [0.5, 0.5]
    assert own["population"]["recall_low"] != [None, None]
