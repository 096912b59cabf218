import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import ndtr
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


@pytest.mark.parametrize("metric", [auroc, average_precision])
def test_integer_weights_are_repeated_rows(metric):
    truth, score, _ = sample(1, n=60, levels=2)
    times = np.random.default_rng(2).integers(0, 4, size=60)
    repeated = metric(truth.repeat(times), score.repeat(times), np.ones(times.sum()))
    assert metric(truth, score, times) == pytest.approx(repeated)


@pytest.mark.parametrize("metric", [auroc, average_precision])
def test_leading_axes_of_the_weights(metric):
    truth, score, weight = sample(3, levels=4)
    weights = np.stack([weight, weight[::-1], np.ones_like(weight), weight**2]).reshape(2, 2, -1)
    found = metric(truth, score, weights)
    assert found.shape == (2, 2)
    for i, j in np.ndindex(2, 2):
        assert found[i, j] == pytest.approx(float(metric(truth, score, weights[i, j])), rel=1e-12)


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
    empty = np.zeros(0)
    assert np.isnan(auroc(empty.astype(bool), empty, empty))


def test_auroc_of_two_normals():
    """Two unit normals, a apart: AUROC = Phi(a / sqrt 2)."""
    rng = np.random.default_rng(4)
    truth = np.arange(200_000) % 2 == 0
    score = rng.normal(size=len(truth)) + 1.3 * truth
    assert auroc(truth, score, np.ones(len(truth))) == pytest.approx(ndtr(1.3 / 2**0.5), abs=0.004)
