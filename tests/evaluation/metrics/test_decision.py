import numpy as np
import pytest
import sklearn.metrics
from hypothesis import given
from hypothesis import strategies as st

from memorization.evaluation.metrics import DECISION_METRICS
from memorization.evaluation.metrics.decision import (
    OUTCOMES,
    best_f1_threshold,
    confusion,
    decision_metrics,
    f1,
    set_confusion,
)

SKLEARN = {
    "accuracy": sklearn.metrics.accuracy_score,
    "precision": sklearn.metrics.precision_score,
    "recall": sklearn.metrics.recall_score,
    "f1": sklearn.metrics.f1_score,
}


def test_metrics_of_rows_and_of_counts_are_those_of_scikit_learn():
    rng = np.random.default_rng(0)
    truth = rng.random(200) < 0.3
    decided = truth ^ (rng.random(200) < 0.25)
    weights = rng.exponential(size=(2, 3, 200))
    counts = confusion(truth, decided, weights)
    assert counts.shape == (2, 3, len(OUTCOMES))
    of_counts = decision_metrics(counts)
    assert of_counts.keys() == DECISION_METRICS.keys() == SKLEARN.keys()
    for i, j in np.ndindex(2, 3):
        (tn, fp), (fn, tp) = sklearn.metrics.confusion_matrix(
            truth, decided, sample_weight=weights[i, j]
        )
        np.testing.assert_allclose(counts[i, j], [tp, fp, fn, tn])
        for name, theirs in SKLEARN.items():
            expected = pytest.approx(theirs(truth, decided, sample_weight=weights[i, j]), rel=1e-12)
            assert DECISION_METRICS[name](truth, decided, weights)[i, j] == expected
            assert of_counts[name][i, j] == expected


def test_sets_are_counted_as_rows_are():
    rng = np.random.default_rng(0)
    memorized = rng.permutation(1000)[:70]
    predicted = np.r_[rng.permutation(memorized)[:20], np.setdiff1d(np.arange(1000), memorized)[:9]]
    truth, decision = np.zeros((2, 1000), bool)
    truth[memorized], decision[predicted] = True, True
    expected = confusion(truth, decision, np.ones(1000))
    np.testing.assert_array_equal(set_confusion(memorized, predicted, 1000), expected)


@pytest.mark.parametrize(
    ("memorized", "predicted", "undefined"),
    [([], [], {"precision", "recall", "f1"}), ([1], [], {"precision"}), ([], [1], {"recall"})],
)
def test_what_is_undefined_is_nan(memorized, predicted, undefined):
    counts = set_confusion(np.array(memorized, int), np.array(predicted, int), 10)
    assert counts.sum() == 10
    found = decision_metrics(counts)
    assert {name for name, value in found.items() if np.isnan(value)} == undefined
    assert found["f1"] == 0 or "f1" in undefined


@given(
    st.lists(st.tuples(st.booleans(), st.integers(0, 4), st.integers(1, 3)), min_size=1, max_size=9)
)
def test_threshold_is_the_best_of_all(rows):
    truth, score, weight = (np.array(column) for column in zip(*rows, strict=True))
    truth, score = truth.astype(bool), score.astype(float)
    chosen = best_f1_threshold(truth, score, weight)
    if not truth.any():
        assert chosen == np.inf
        return
    values = {t: float(f1(truth, score >= t, weight)) for t in np.unique(score)}
    best = max(values.values())
    assert chosen == max(t for t, value in values.items() if value == pytest.approx(best))
