"""The whole population, in a few rows."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from memorization.errors import UserError
from memorization.evaluation.metrics.ranking import auroc, average_precision
from memorization.harness import rows as module
from memorization.harness.rows import population_rows


@pytest.fixture(autouse=True)
def small_batches(monkeypatch):
    monkeypatch.setattr(module, "BATCH", 7)


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
    rows = population_rows(lambda index: score[index], memorized, len(truth), threshold)
    assert rows.is_score
    assert rows.weight.min() >= 1
    for at in {*score[memorized].tolist(), 1.0, threshold} - {None}:
        for fold in range(5):
            mine = np.arange(len(truth)) % 5 == fold
            for side in (True, False):
                expected = np.sum((score >= at) & (truth == side) & mine)
                group = (rows.score >= at) & (rows.truth == side) & (rows.fold == fold)
                assert rows.weight[group].sum() == expected


def test_ranking_metrics_are_exact(rng):
    truth = rng.random(3000) < 0.05
    score = np.round(rng.random(3000) + 0.3 * truth, 2)
    rows = population_rows(lambda index: score[index], np.flatnonzero(truth), 3000)
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

    rows = population_rows(predict, np.array([0, 6, 7, 19]), 20)
    assert sorted(asked) == list(range(20))
    assert not rows.is_score
    assert rows.weight[rows.truth & (rows.score == 1)].sum() == 1
    assert rows.weight[~rows.truth & (rows.score == 1)].sum() == 9


@pytest.mark.parametrize("memorized", [[], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]])
def test_none_or_all_memorized(memorized):
    for predict, is_score in ((lambda i: i > 4, False), (lambda i: i / 2, True)):
        rows = population_rows(predict, np.array(memorized, int), 10)
        assert rows.is_score is is_score
        assert rows.weight.sum() == 10
        assert rows.weight[rows.truth].sum() == len(memorized)


def test_a_predictor_must_not_change_its_mind_about_what_it_is():
    with pytest.raises(UserError, match="sometimes with true or false"):
        population_rows(lambda i: i > 3 if i[0] == 2 else i / 2, np.array([2]), 10)


@pytest.fixture
def rng():
    return np.random.default_rng(0)
