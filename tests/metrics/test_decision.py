import numpy as np
import pytest
import sklearn.metrics
from hypothesis import given
from hypothesis import strategies as st

from memorization.evaluation.metrics import decision as metrics
from memorization.evaluation.metrics.decision import best_f1_threshold, f1

SKLEARN = {
    "accuracy": sklearn.metrics.accuracy_score,
    "precision": sklearn.metrics.precision_score,
    "recall": sklearn.metrics.recall_score,
    "f1": sklearn.metrics.f1_score,
}


@pytest.mark.parametrize("name", SKLEARN)
def test_agrees_with_sklearn(name):
    rng = np.random.default_rng(0)
    truth = rng.random(200) < 0.3
    decided = truth ^ (rng.random(200) < 0.25)
    weights = rng.exponential(size=(2, 3, 200))
    found = getattr(metrics, name)(truth, decided, weights)
    for i, j in np.ndindex(2, 3):
        expected = SKLEARN[name](truth, decided, sample_weight=weights[i, j])
        assert found[i, j] == pytest.approx(expected, rel=1e-12)


def test_undefined_and_zero():
    yes, no, weight = np.ones(2, dtype=bool), np.zeros(2, dtype=bool), np.ones(2)
    assert np.isnan(metrics.precision(yes, no, weight))
    assert np.isnan(metrics.recall(no, yes, weight))
    assert metrics.f1(yes, no, weight) == 0
    assert np.isnan(metrics.f1(no, no, weight))


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
