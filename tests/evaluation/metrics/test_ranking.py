import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from memorization.evaluation.metrics.ranking import auroc, average_precision


def sample(seed, n=300, levels=None):
    rng = np.random.default_rng(seed)
    truth = rng.random(n) < 0.2
    score = rng.normal(size=n) + truth
    if levels:
        score = np.round(score * levels) / levels
    return truth, score, rng.exponential(size=n)


@pytest.mark.parametrize("levels", [None, 1, 4])
def test_agrees_with_sklearn(levels):
    truth, score, weight = sample(0, levels=levels)
    expected = roc_auc_score(truth, score, sample_weight=weight)
    assert auroc(truth, score, weight) == pytest.approx(expected, rel=1e-12)
    expected = average_precision_score(truth, score, sample_weight=weight)
    assert average_precision(truth, score, weight) == pytest.approx(expected, rel=1e-12)


@given(
    st.lists(st.tuples(st.booleans(), st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=9)
)
def test_auroc_counts_pairs(rows):
    truth, score, weight = (np.array(column) for column in zip(*rows, strict=True))
    truth, score = truth.astype(bool), score.astype(float)
    won = pairs = 0.0
    for i in np.flatnonzero(truth):
        for j in np.flatnonzero(~truth):
            pair = float(weight[i] * weight[j])
            pairs += pair
            won += pair * (float(score[i] > score[j]) + 0.5 * float(score[i] == score[j]))
    found = auroc(truth, score, weight)
    assert np.isnan(found) if pairs == 0 else found == pytest.approx(won / pairs)


def test_undefined_and_uninformative():
    truth = np.array([True, False, False, False])
    nothing = np.zeros(4)
    weight = np.array([1.0, 1.0, 1.0, 5.0])
    assert auroc(truth, nothing, weight) == 0.5
    assert average_precision(truth, nothing, weight) == 1 / 8
    assert np.isnan(auroc(np.ones(4, dtype=bool), nothing, weight))
    assert np.isnan(auroc(~np.ones(4, dtype=bool), nothing, weight))
    assert np.isnan(average_precision(~np.ones(4, dtype=bool), nothing, weight))
    # A replicate that has drawn no positive row.
    assert np.isnan(average_precision(truth, nothing, weight * ~truth))
    assert np.isnan(auroc(truth[:0], nothing[:0], weight[:0]))
