import shutil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from miniature_study import MEMORIZED, POPULATION, TARGET, sample
from sklearn.metrics import average_precision_score, roc_auc_score

from memorization import tables
from memorization.errors import UserError
from memorization.evaluation.metrics.ranking import auroc, average_precision
from memorization.harness import sample as module
from memorization.harness.predictions import Asked
from memorization.harness.sample import Sample, population_rows, studied_target


@pytest.fixture(autouse=True)
def small_batches(monkeypatch):
    monkeypatch.setattr(module, "BATCH", 7)


def test_a_sample_is_read_whatever_the_order_of_its_tables(study):
    index, weight = sample()
    found = Sample.read(study)
    np.testing.assert_array_equal(found.index, index)
    np.testing.assert_allclose(found.weight, weight)
    np.testing.assert_array_equal(found.cluster, index // 3)
    np.testing.assert_array_equal(found.fold, index // 3 % 4)


def test_without_splits_there_are_folds_but_no_clusters(study, tmp_path):
    shutil.copy(study / "sequences.parquet", tmp_path)
    found = Sample.read(tmp_path)
    assert found.cluster is None
    assert set(found.fold) == set(range(5))


def test_tables_of_two_runs_are_not_mixed(study, tmp_path):
    shutil.copy(study / "sequences.parquet", tmp_path)
    splits = tables.read_table(study / "splits.parquet", tables.SPLITS)
    tables.write_table(splits.iloc[1:], tmp_path / "splits.parquet", tables.SPLITS)
    with pytest.raises(UserError, match="different runs"):
        Sample.read(tmp_path)


def test_no_study_is_a_users_mistake(tmp_path):
    with pytest.raises(UserError, match="dvc repro"):
        Sample.read(tmp_path)
    assert studied_target(tmp_path) is None


@pytest.mark.parametrize("target", [TARGET, "micro-b"])
def test_weights_recover_what_is_known_of_any_target(study, target):
    found = Sample.read(study)
    memorized = np.isin(found.index, MEMORIZED[target])
    weight = found.weights_for(memorized, POPULATION, len(MEMORIZED[target]))
    assert weight[memorized].sum() == pytest.approx(len(MEMORIZED[target]))
    assert weight.sum() == pytest.approx(POPULATION)
    # Within a class the odds of the design stay as they are.
    for rows in (memorized, ~memorized):
        assert np.ptp(weight[rows] / found.weight[rows]) == pytest.approx(0, abs=1e-12)
    if target == TARGET:
        np.testing.assert_allclose(weight, found.weight)


def test_a_target_of_which_the_sample_holds_nothing(study):
    found = Sample.read(study)
    nothing = np.zeros(len(found.index), bool)
    np.testing.assert_allclose(
        found.weights_for(nothing, POPULATION, 0).sum(),
        POPULATION,
        err_msg="none in the population",
    )
    with pytest.raises(UserError, match="holds none of the 7 sequences"):
        found.weights_for(nothing, POPULATION, 7)


SCORES = st.sampled_from([-np.inf, -3.0, 0.0, 1.0, np.nextafter(1.0, 2), 2.5, 1e300])


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(st.booleans(), SCORES), min_size=1, max_size=40),
    st.one_of(st.none(), SCORES),
)
def test_rows_say_of_every_threshold_what_the_population_says(population, threshold):
    truth = np.array([memorized for memorized, _ in population])
    score = np.array([value for _, value in population])
    memorized = np.flatnonzero(truth)
    rows = population_rows(Asked(lambda index: score[index]), memorized, len(truth), threshold)
    assert rows.weight.min() >= 1
    for at in {*score[memorized].tolist(), 1.0, threshold} - {None}:
        for fold in range(5):
            mine = np.arange(len(truth)) % 5 == fold
            for side in (True, False):
                expected = np.sum((score >= at) & (truth == side) & mine)
                group = (rows.score >= at) & (rows.truth == side) & (rows.fold == fold)
                assert rows.weight[group].sum() == expected


def test_ranking_metrics_are_exact():
    rng = np.random.default_rng(0)
    truth = rng.random(3000) < 0.05
    score = np.round(rng.random(3000) + 0.3 * truth, 2)
    rows = population_rows(Asked(lambda index: score[index]), np.flatnonzero(truth), 3000)
    assert len(rows.score) < 1000
    mine = (rows.truth, rows.score, rows.weight)
    assert float(auroc(*mine)) == pytest.approx(roc_auc_score(truth, score), abs=1e-12)
    assert float(average_precision(*mine)) == pytest.approx(
        average_precision_score(truth, score), abs=1e-12
    )


def test_each_sequence_is_asked_once():
    """A predictor may be expensive, or draw random numbers."""
    asked = []

    def predict(index):
        asked.extend(index.tolist())
        return index > 9

    rows = population_rows(Asked(predict), np.array([0, 6, 7, 19]), 20)
    assert sorted(asked) == list(range(20))
    assert rows.weight[rows.truth & (rows.score == 1)].sum() == 1
    assert rows.weight[~rows.truth & (rows.score == 1)].sum() == 9


@pytest.mark.parametrize("memorized", [[], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]])
def test_none_or_all_memorized(memorized):
    for predict in (lambda i: i > 4, lambda i: i / 2):
        rows = population_rows(Asked(predict), np.array(memorized, int), 10)
        assert rows.weight.sum() == 10
        assert rows.weight[rows.truth].sum() == len(memorized)


def test_a_population_with_gaps_is_asked_about_its_members_only():
    members, memorized = np.arange(3, 90, 4), np.array([7, 11, 87])
    asked = []

    def predict(index):
        asked.extend(index.tolist())
        return index > 50

    rows = population_rows(Asked(predict), memorized, len(members), members=members)
    assert sorted(asked) == members.tolist()
    assert rows.weight.sum() == len(members)
    assert rows.weight[rows.truth & (rows.score == 1)].sum() == 1
