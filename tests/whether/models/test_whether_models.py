"""What every classifier of the registry must do."""

from dataclasses import replace

import numpy as np
import pytest
from made_up_study import make_study
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


@pytest.fixture(scope="module")
def few():
    return case_cohort(population(12_000, 0)[0], 800, 1)


@pytest.fixture(scope="module", params=MODELS)
def fitted(request, training):
    return MODELS[request.param].train(training, seed=0)


def test_learns_the_population_from_a_case_cohort_sample(fitted):
    testing, chance = population(60_000, 2)
    truth, one = testing.truth, testing.weight
    predicted = fitted.probability(testing.features)
    assert predicted.shape == truth.shape
    assert predicted.dtype == np.float64
    assert auroc(truth, predicted, one) > auroc(truth, chance, one) - 0.01
    assert observed_to_expected(truth, predicted, one) == pytest.approx(1, abs=0.12)
    assert calibration_slope(truth, predicted, one) == pytest.approx(1, abs=0.12)


def test_a_fit_repeats_exactly_and_only_relative_weights_matter(fitted, training):
    found = fitted.probability(training.features)
    again = type(fitted).train(training, seed=0).probability(training.features)
    np.testing.assert_array_equal(again, found)
    heavy = type(fitted).train(replace(training, weight=1000 * training.weight), seed=0)
    np.testing.assert_allclose(heavy.probability(training.features), found, rtol=1e-4)


def test_columns_are_found_by_name(fitted, training):
    features = training.features
    shuffled = features[features.columns[::-1]].assign(**{"other.column": 0.0})
    found = fitted.probability(shuffled)
    np.testing.assert_array_equal(found, fitted.probability(features))


@pytest.mark.parametrize("name", MODELS)
def test_missing_values_can_carry_information(name):
    rng = np.random.default_rng(4)
    truth = rng.random(2000) < 0.2
    column = np.where(truth ^ (rng.random(2000) < 0.1), np.nan, rng.normal(size=2000))
    study = make_study({"surprisal.mean": column, "surprisal.sd": rng.normal(size=2000)}, truth)
    predicted = MODELS[name].train(study, seed=0).probability(study.features)
    assert auroc(truth, predicted, np.ones(2000)) > 0.85


UNKNOWN = {
    "nowhere known": lambda n: np.full(n, np.nan),
    "known once": lambda n: np.where(np.arange(n) == 0, 1.0, np.nan),
    "constant or unknown": lambda n: np.where(np.arange(n) % 2, 3.0, np.nan),
}


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("unknown", UNKNOWN)
def test_columns_of_hardly_any_known_value(name, unknown, few, tmp_path):
    without = few.only(["surprisal.mean"])
    given = without.features.assign(**{"frequency.prompt_count": UNKNOWN[unknown](len(few))})
    fitted = MODELS[name].train(replace(few, features=given), seed=0)
    found = fitted.probability(given)
    # Where it says nothing, it is as if it were not there, whatever is known later.
    if unknown == "nowhere known":
        expected = MODELS[name].train(without, seed=0).probability(without.features)
        later = fitted.probability(given.assign(**{"frequency.prompt_count": 3.0}))
        for probability in (found, later):
            np.testing.assert_allclose(probability, expected, rtol=1e-4)
    fitted.save(tmp_path / "model.skops")
    loaded = MODELS[name].load(tmp_path / "model.skops").probability(given)
    np.testing.assert_array_equal(loaded, found)
    assert auroc(few.truth, found, few.weight) > 0.6


@pytest.mark.parametrize("name", MODELS)
def test_nothing_known_at_all_gives_one_probability(name, few):
    study = replace(few, features=few.features[["surprisal.mean"]] * np.nan)
    predicted = MODELS[name].train(study, seed=0).probability(study.features)
    assert np.ptp(predicted) == 0
    assert few.weight @ predicted == pytest.approx(few.weight @ few.truth, rel=0.05)


def test_logistic_is_weighted_logistic_regression_on_log_counts(training):
    features, truth, weight = training.features, training.truth, training.weight
    by_hand = np.c_[
        np.log1p(features["duplication.sequence_count"]),
        features[["surprisal.mean", "frequency.noise"]],
    ]
    by_hand = (by_hand - by_hand.mean(axis=0)) / by_hand.std(axis=0)
    fitted = MODELS["logistic"].train(training, seed=0)
    reference = LogisticRegression(C=fitted.chosen["C"], tol=1e-10, max_iter=5000)
    reference.fit(by_hand, truth, sample_weight=weight / weight.mean())
    expected = reference.predict_proba(by_hand)[:, 1]
    np.testing.assert_allclose(fitted.probability(features), expected, rtol=2e-3)


def test_boosting_uses_weights_within_a_class():
    """Rows of one class whose weights say the opposite of their number."""
    column = np.repeat([0.0, 0.0, 1.0, 1.0], 100)
    truth = np.tile(np.repeat([True, False], 100), 2)
    weight = np.repeat([9.0, 1.0, 1.0, 9.0], 100)
    study = make_study({"domain.python": column}, truth, weight=weight)
    predicted = MODELS["boosting"].train(study, seed=0).probability(study.features)
    assert predicted[0] == pytest.approx(0.9, abs=0.02)
    assert predicted[-1] == pytest.approx(0.1, abs=0.02)
