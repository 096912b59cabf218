import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics

from memorization.evaluation.metrics.confusion import (
    OUTCOMES,
    confusion,
    decision_metrics,
    set_confusion,
)

THEIRS = {
    "accuracy": sklearn_metrics.accuracy_score,
    "f1": sklearn_metrics.f1_score,
    "precision": sklearn_metrics.precision_score,
    "recall": sklearn_metrics.recall_score,
}


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_metrics_of_the_counts_are_those_of_scikit_learn(rng):
    truth, decision = rng.random((2, 500)) < 0.3
    weight = rng.integers(1, 9, (3, 500)).astype(float)
    counts = confusion(truth, decision, weight)
    assert counts.shape == (3, len(OUTCOMES))
    for replicate in range(3):
        (tn, fp), (fn, tp) = sklearn_metrics.confusion_matrix(
            truth, decision, sample_weight=weight[replicate]
        )
        np.testing.assert_allclose(counts[replicate], [tp, fp, fn, tn])
    for name, values in decision_metrics(counts).items():
        theirs = [THEIRS[name](truth, decision, sample_weight=w) for w in weight]
        np.testing.assert_allclose(values, theirs)


def test_sets_are_counted_as_rows_are(rng):
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
    found = {name for name, value in decision_metrics(counts).items() if np.isnan(value)}
    assert found == undefined
