import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from memorization.evaluation.metrics.probability import calibration_slope, observed_to_expected
from memorization.evaluation.metrics.ranking import auroc
from memorization.whether.models import MODELS, load_fitted, save_fitted


def population(n, seed):
    """Rare cases: log-odds linear in log1p of a count and in a score; columns of noise beside."""
    rng = np.random.default_rng(seed)
    features = pd.DataFrame(
        {
            "duplication.sequence_count": (rng.pareto(1.2, size=n) * 2).round() + 1,
            "surprisal.mean": rng.normal(5, 2, size=n),
            "frequency.noise": rng.normal(size=n),
            "position.constant": np.ones(n),
        }
    )
    log_odds = (
        -5.5
        + 1.2 * np.log1p(features["duplication.sequence_count"])
        - 0.4 * (features["surprisal.mean"] - 5)
    ).to_numpy()
    chance = 1 / (1 + np.exp(-log_odds))
    return features, rng.random(n) < chance, chance


def case_cohort(features, truth, chance, cohort, seed):
    rng = np.random.default_rng(seed)
    rows = np.flatnonzero(truth | (rng.random(len(truth)) < cohort / len(truth)))
    weight = np.where(truth, 1.0, (~truth).sum() / (~truth[rows]).sum())[rows]
    fold = rng.integers(0, 5, size=len(rows))
    return features.iloc[rows].reset_index(drop=True), truth[rows], weight, fold


@pytest.fixture(scope="module")
def training():
    return case_cohort(*population(60_000, 0), 4000, 1)


@pytest.fixture(scope="module")
def testing():
    return population(60_000, 2)


@pytest.mark.parametrize("name", MODELS)
def test_learns_the_population_from_a_case_cohort_sample(name, training, testing):
    features, truth, chance = testing
    predicted = MODELS[name](*training, seed=0).predict(features)
    one = np.ones(len(truth))
    assert predicted.shape == truth.shape
    assert predicted.dtype == np.float64
    assert auroc(truth, predicted, one) > auroc(truth, chance, one) - 0.01
    assert observed_to_expected(truth, predicted, one) == pytest.approx(1, abs=0.12)
    assert calibration_slope(truth, predicted, one) == pytest.approx(1, abs=0.12)


@pytest.mark.parametrize("name", MODELS)
def test_a_fit_repeats_exactly(name, training):
    first, second = (MODELS[name](*training, seed=3).predict(training[0]) for _ in range(2))
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("name", MODELS)
def test_columns_are_found_by_name(name, training):
    features = training[0]
    fitted = MODELS[name](*training, seed=0)
    shuffled = features[features.columns[::-1]].assign(**{"other.column": 0.0})
    np.testing.assert_array_equal(fitted.predict(shuffled), fitted.predict(features))


@pytest.mark.parametrize("name", MODELS)
def test_missing_values_can_carry_information(name):
    rng = np.random.default_rng(4)
    truth = rng.random(2000) < 0.2
    column = np.where(truth ^ (rng.random(2000) < 0.1), np.nan, rng.normal(size=2000))
    features = pd.DataFrame({"surprisal.mean": column, "surprisal.sd": rng.normal(size=2000)})
    predicted = MODELS[name](features, truth, np.ones(2000), np.arange(2000) % 4, seed=0).predict(
        features
    )
    assert auroc(truth, predicted, np.ones(2000)) > 0.85


UNKNOWN = {
    "nowhere known": lambda n: np.full(n, np.nan),
    "known once": lambda n: np.where(np.arange(n) == 0, 1.0, np.nan),
    "constant or unknown": lambda n: np.where(np.arange(n) % 2, 3.0, np.nan),
}


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("unknown", UNKNOWN)
def test_columns_of_hardly_any_known_value(name, unknown, training, tmp_path):
    features, truth, weight, fold = training
    column = UNKNOWN[unknown](len(features))
    given = features[["surprisal.mean"]].assign(**{"frequency.prompt_count": column})
    fitted = MODELS[name](given, truth, weight, fold, seed=0)
    # Where it says nothing, it is as if it were not there, whatever is known later.
    without = MODELS[name](features[["surprisal.mean"]], truth, weight, fold, seed=0)
    if unknown == "nowhere known":
        for value in (np.nan, 3.0):
            found = fitted.predict(given.assign(**{"frequency.prompt_count": value}))
            np.testing.assert_allclose(found, without.predict(features), rtol=1e-4)
    save_fitted(fitted, tmp_path / "model.skops")
    np.testing.assert_array_equal(
        load_fitted(tmp_path / "model.skops").predict(given), fitted.predict(given)
    )
    assert auroc(truth, fitted.predict(given), np.ones(len(truth))) > 0.6


@pytest.mark.parametrize("name", MODELS)
def test_nothing_known_at_all_gives_one_probability(name, training):
    _, truth, weight, fold = training
    features = pd.DataFrame({"surprisal.mean": np.full(len(truth), np.nan)})
    predicted = MODELS[name](features, truth, weight, fold, seed=0).predict(features)
    assert np.ptp(predicted) == 0
    assert weight @ predicted == pytest.approx(weight @ truth, rel=0.05)


def test_logistic_is_weighted_logistic_regression_on_log_counts(training):
    features, truth, weight, fold = training
    by_hand = np.c_[
        np.log1p(features["duplication.sequence_count"]),
        features[["surprisal.mean", "frequency.noise"]],
    ]
    by_hand = (by_hand - by_hand.mean(axis=0)) / by_hand.std(axis=0)
    fitted = MODELS["logistic"](features, truth, weight, fold, seed=0)
    reference = LogisticRegression(C=fitted.chosen["C"], tol=1e-10, max_iter=5000)
    reference.fit(by_hand, truth, sample_weight=weight / weight.mean())
    found = fitted.predict(features)
    np.testing.assert_allclose(found, reference.predict_proba(by_hand)[:, 1], rtol=2e-3)


@pytest.mark.parametrize("name", MODELS)
def test_only_relative_weights_matter(name, training):
    features, truth, weight, fold = training
    small = MODELS[name](features, truth, weight, fold, seed=0).predict(features)
    large = MODELS[name](features, truth, 1000 * weight, fold, seed=0).predict(features)
    np.testing.assert_allclose(small, large, rtol=1e-4)


def test_boosting_uses_weights_within_a_class():
    """Rows of one class whose weights say the opposite of their number."""
    column = np.repeat([0.0, 0.0, 1.0, 1.0], 100)
    truth = np.tile(np.repeat([True, False], 100), 2)
    weight = np.repeat([9.0, 1.0, 1.0, 9.0], 100)
    features = pd.DataFrame({"domain.python": column})
    predicted = MODELS["boosting"](features, truth, weight, np.arange(400) % 4, seed=0).predict(
        features
    )
    assert predicted[0] == pytest.approx(0.9, abs=0.02)
    assert predicted[-1] == pytest.approx(0.1, abs=0.02)
