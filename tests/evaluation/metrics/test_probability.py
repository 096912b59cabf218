import numpy as np
import pytest
import sklearn.metrics
from sklearn.linear_model import LogisticRegression

from memorization.evaluation.metrics import probability as metrics


@pytest.fixture
def rows():
    rng = np.random.default_rng(0)
    predicted = rng.beta(1, 4, size=400)
    truth = rng.random(400) < predicted**1.5
    return truth, predicted, rng.exponential(size=400)


def test_brier_and_log_loss_agree_with_sklearn(rows):
    truth, predicted, weight = rows
    expected = sklearn.metrics.brier_score_loss(truth, predicted, sample_weight=weight)
    assert metrics.brier(truth, predicted, weight) == pytest.approx(expected, rel=1e-12)
    expected = sklearn.metrics.log_loss(truth, predicted, sample_weight=weight)
    assert metrics.log_loss(truth, predicted, weight) == pytest.approx(expected, rel=1e-12)
    sure = np.where(np.arange(400) < 3, ~truth, truth).astype(float)
    expected = sklearn.metrics.log_loss(truth, sure, sample_weight=weight)
    assert metrics.log_loss(truth, sure, weight) == pytest.approx(expected, rel=1e-9)


def test_calibration_slope_is_a_logistic_regression(rows):
    truth, predicted, weight = rows
    log_odds = np.log(predicted / (1 - predicted))[:, None]
    reference = LogisticRegression(C=np.inf, tol=1e-12, max_iter=1000)
    reference.fit(log_odds, truth, sample_weight=weight)
    found = metrics.calibration_slope(truth, predicted, weight)
    assert found == pytest.approx(reference.coef_[0, 0], rel=1e-5)


def test_calibration_of_the_true_probability_and_of_a_distorted_one():
    rng = np.random.default_rng(1)
    log_odds = rng.normal(-3, 2, size=100_000)
    chance = 1 / (1 + np.exp(-log_odds))
    truth = rng.random(len(chance)) < chance
    weight = np.ones(len(chance))
    # Twice the log-odds is overconfident by two: slope 1/2.
    extreme = 1 / (1 + np.exp(-2 * log_odds))
    assert metrics.calibration_slope(truth, chance, weight) == pytest.approx(1, abs=0.03)
    assert metrics.calibration_slope(truth, extreme, weight) == pytest.approx(0.5, abs=0.015)
    assert metrics.observed_to_expected(truth, chance, weight) == pytest.approx(1, abs=0.02)
    assert metrics.observed_to_expected(truth, chance / 2, weight) == pytest.approx(2, abs=0.04)


def test_undefined_is_nan():
    truth = np.array([True, False, True, False])
    weight = np.ones((2, 4))
    weight[1, [0, 2]] = 0
    constant, separating = np.full(4, 0.3), np.array([0.9, 0.1, 0.8, 0.2])
    assert np.isnan(metrics.calibration_slope(truth, constant, weight)).all()
    assert np.isnan(metrics.calibration_slope(truth, separating, weight)).all()
    overlapping = np.array([0.9, 0.1, 0.3, 0.5])
    slopes = metrics.calibration_slope(truth, overlapping, weight)
    np.testing.assert_array_equal(np.isnan(slopes), [False, True])
    assert np.isnan(metrics.observed_to_expected(truth, np.zeros(4), np.ones(4)))
