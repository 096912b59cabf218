"""Which models and checkpoints are compared, from which source, and how they are counted."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from made_up_study import make_study
from sklearn import metrics as theirs

from memorization.evaluation.bootstrap import Bootstrap
from memorization.labels.trajectories import published_trajectories
from memorization.siblings.analyse import (
    model_compute,
    pair_metrics,
    sibling_metrics,
    tokens_seen,
)
from memorization.siblings.published import CHECKPOINTS, LAST_STEP, SMALLER_MODELS
from memorization.suite.micro.suite import MicroSuite
from memorization.suite.pythia.suite import PythiaSuite
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
        "labelled": ["70m", "12b"],
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


SIZES = {"tiny": 10, "small": 50, "twin": 50, "large": 400}


def test_every_pair_is_counted_as_rows_are():
    rng = np.random.default_rng(0)
    shares = dict(zip(SIZES, (0.01, 0.02, 0.03, 0.05), strict=True))
    flags = {name: rng.random(2000) < share for name, share in shares.items()}
    memorized = {name: rng.permutation(np.flatnonzero(flag)) for name, flag in flags.items()}
    found = pair_metrics(SIZES, memorized, 2000)
    # Only a smaller one predicts a larger one: not itself, and not its twin.
    assert {target: list(pairs) for target, pairs in found.items()} == {
        "small": ["tiny"],
        "twin": ["tiny"],
        "large": ["tiny", "small", "twin"],
    }
    for target, pairs in found.items():
        for predictor, scores in pairs.items():
            truth, said = flags[target], flags[predictor]
            (tn, fp), (fn, tp) = theirs.confusion_matrix(truth, said)
            names = ("accuracy", "f1", "precision", "recall")
            expected = {name: getattr(theirs, f"{name}_score")(truth, said) for name in names}
            expected |= {"true_positive": tp, "false_positive": fp}
            expected |= {"false_negative": fn, "true_negative": tn}
            assert scores == pytest.approx(expected)


def test_a_predictor_that_memorized_nothing_has_no_precision():
    memorized = {"a": np.array([], int), "b": np.array([3])}
    scores = pair_metrics({"a": 1, "b": 2}, memorized, 9)["b"]["a"]
    assert np.isnan(scores["precision"])
    assert (scores["recall"], scores["f1"], scores["true_negative"]) == (0, 0, 8)
    assert pair_metrics({"only": 1}, {"only": np.array([3])}, 9) == {}


def test_compute_is_what_is_published_of_pythia_and_of_whole_windows_else():
    """143,000 steps of 2,097,152 tokens: 299,892,736,000 (README of EleutherAI/pythia)."""
    manifest = {"window": 2049, "sequences_per_step": 1024}
    tokens = tokens_seen(PythiaSuite(None, {"suite": "pythia"} | manifest), LAST_STEP)
    assert tokens == 299_892_736_000
    assert model_compute({"70m": 70_426_624}, tokens)["70m"] == pytest.approx(1.267e20, rel=1e-3)
    manifest = {"suite": "micro", "window": 128, "sequences_per_step": 16}
    assert tokens_seen(MicroSuite(None, manifest), 2288) == 36_608 * 128


def test_published_figures_are_of_models_from_small_to_large():
    """Recall grows with the predictor; precision of smaller models falls."""
    precision, recall = np.array(list(SMALLER_MODELS.values())).T
    assert (np.diff(recall) > 0).all()
    assert (np.diff(precision) < 0).all()
    _, recall = np.array(list(CHECKPOINTS.values())).T
    assert (np.diff(recall) > 0).all()
    # The paper names them by millions of sequences.
    millions = [23, 44, 65, 85, 105, 126]
    for step, name in zip(CHECKPOINTS, millions, strict=True):
        assert step * 1024 / 1e6 == pytest.approx(name, abs=0.6)
