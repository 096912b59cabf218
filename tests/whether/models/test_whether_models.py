"""What every classifier of features must do, beyond what every model must."""

import numpy as np
import pytest
from made_up_study import OF_FEATURES, make_study
from scipy.stats import norm
from sklearn.linear_model import LogisticRegression

from memorization.evaluation.metrics.probability import calibration_slope, observed_to_expected
from memorization.evaluation.metrics.ranking import auroc
from memorization.whether.models import MODELS


def population(n, seed):
    """Rare cases: log-odds linear in log1p of a count and in a score; columns of noise beside."""
    rng = np.random.default_rng(seed)
    features = {
        "duplication.sequence_count": (rng.pareto(1.2, size=n) * 2).round() + 1,
        "surprisal.mean": rng.normal(5, 2, size=n),
        "frequency.noise": rng.normal(size=n),
        "position.constant": np.ones(n),
    }
    copies, surprisal = features["duplication.sequence_count"], features["surprisal.mean"]
    chance = 1 / (1 + np.exp(5.5 - 1.2 * np.log1p(copies) + 0.4 * (surprisal - 5)))
    return make_study(features, rng.random(n) < chance), chance


def case_cohort(study, cohort, seed):
    """Return all that is memorized and some of the rest, with weights and five folds."""
    rng, truth = np.random.default_rng(seed), study.truth
    part = study.take(truth | (rng.random(len(truth)) < cohort / len(truth)))
    weight = np.where(part.truth, 1.0, (~truth).sum() / (~part.truth).sum())
    return make_study(
        part.features, part.truth, weight=weight, fold=rng.integers(0, 5, len(weight))
    )


@pytest.fixture(scope="module")
def training():
    return case_cohort(population(60_000, 0)[0], 4000, 1)


@pytest.mark.parametrize("name", OF_FEATURES)
def test_learns_the_population_from_a_case_cohort_sample(name, training):
    testing, chance = population(60_000, 2)
    truth, one = testing.truth, testing.weight
    predicted = MODELS[name].train(training, seed=0).probability(testing.features)
    assert auroc(truth, predicted, one) > auroc(truth, chance, one) - 0.01
    assert observed_to_expected(truth, predicted, one) == pytest.approx(1, abs=0.12)
    assert calibration_slope(truth, predicted, one) == pytest.approx(1, abs=0.12)


@pytest.mark.parametrize("name", OF_FEATURES)
def test_missing_values_can_carry_information(name):
    rng = np.random.default_rng(4)
    truth = rng.random(2000) < 0.2
    column = np.where(truth ^ (rng.random(2000) < 0.1), np.nan, rng.normal(size=2000))
    study = make_study({"surprisal.mean": column, "surprisal.sd": rng.normal(size=2000)}, truth)
    predicted = MODELS[name].train(study, seed=0).probability(study.features)
    assert auroc(truth, predicted, np.ones(2000)) > 0.85


def test_logistic_is_weighted_logistic_regression_on_log_counts_and_normal_scores(training):
    features, truth, weight = training.features, training.truth, training.weight
    others = features[["surprisal.mean", "frequency.noise"]]
    by_hand = np.c_[
        np.log1p(features["duplication.sequence_count"]),
        norm.ppf(others.rank().to_numpy() / (len(features) + 1)),
    ]
    by_hand = (by_hand - by_hand.mean(axis=0)) / by_hand.std(axis=0)
    fitted = MODELS["logistic"].train(training, seed=0)
    reference = LogisticRegression(C=fitted.chosen["C"], tol=1e-10, max_iter=5000)
    reference.fit(by_hand, truth, sample_weight=weight / weight.mean())
    expected = reference.predict_proba(by_hand)[:, 1]
    # A hundred quantiles stand for all ranks.
    assert np.corrcoef(fitted.probability(features), expected)[0, 1] > 0.999


def test_boosting_uses_weights_within_a_class():
    """Rows of one class whose weights say the opposite of their number."""
    column = np.repeat([0.0, 0.0, 1.0, 1.0], 100)
    truth = np.tile(np.repeat([True, False], 100), 2)
    weight = np.repeat([9.0, 1.0, 1.0, 9.0], 100)
    study = make_study({"domain.python": column}, truth, weight=weight)
    predicted = MODELS["boosting"].train(study, seed=0).probability(study.features)
    assert predicted[0] == pytest.approx(0.9, abs=0.02)
    assert predicted[-1] == pytest.approx(0.1, abs=0.02)
