import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from memorization.metrics.probability import observed_to_expected
from memorization.whether.evaluate import out_of_fold
from memorization.whether.models import boosting


@pytest.fixture(scope="module")
def sample():
    """Texts in copies, of which the memorized have more: learnt by heart, no use for others."""
    rng = np.random.default_rng(1)
    n = 1000
    x, fold = rng.normal(size=(n, 10)), rng.integers(0, 5, size=n)
    truth = rng.random(n) < expit(-2 + x[:, 0])
    text = np.repeat(np.arange(n), np.where(truth, 6, 1))
    features = pd.DataFrame(x[text], columns=[f"a.x{k}" for k in range(10)])
    return features, truth[text], np.where(truth, 1.0, 60.0)[text], fold[text]


def test_shift_makes_the_expected_what_is_observed_out_of_fold(sample):
    features, truth, weight, fold = sample
    shift = boosting.population_shift(features, truth, weight, fold, 0)
    expected = np.empty(len(truth))
    for test in range(2):
        train = fold % 2 != test
        fitted = boosting.fit(features[train], truth[train], weight[train], fold[train], 0)
        odds = np.exp(fitted.estimator.decision_function(features[~train]) + shift)
        expected[~train] = odds / (1 + odds)
    assert weight @ expected == pytest.approx(weight @ truth, rel=1e-6)
    # And not by the prior correction, which is for odds that are not shrunken.
    assert shift > np.log(weight[truth].mean() / weight[~truth].mean()) + 0.2


def test_expected_is_nearer_to_what_is_observed_than_by_the_prior_correction(sample, monkeypatch):
    features, truth, weight, fold = sample

    def observed_over_expected() -> float:
        probability = out_of_fold(boosting.fit, features, truth, weight, fold, 0)
        return float(observed_to_expected(truth, probability, weight))

    by_halves = observed_over_expected()
    prior = np.log(weight[truth].mean() / weight[~truth].mean())
    monkeypatch.setattr(boosting, "population_shift", lambda *_: float(prior))
    assert abs(by_halves - 1) < 0.2 < abs(observed_over_expected() - 1)


def test_every_second_fold_is_left_out_together(sample):
    features, truth, weight, fold = sample
    by_fold = boosting.population_shift(features, truth, weight, fold, 0)
    assert by_fold == boosting.population_shift(features, truth, weight, fold % 2, 0)


@pytest.mark.parametrize("case", ["one fold", "cases in one fold"])
def test_prior_correction_where_no_fold_can_be_left_out(sample, case):
    features, truth, weight, fold = sample
    fold = np.zeros_like(fold) if case == "one fold" else truth.astype(int)
    shift = boosting.population_shift(features, truth, weight, fold, 0)
    assert shift == pytest.approx(np.log(weight[truth].mean() / weight[~truth].mean()))
