"""Fitted intensities against those that the data were drawn from."""

from dataclasses import replace

import numpy as np
import pytest
from made_up_histories import TRUTH, made_up_study
from scipy.special import expit

from memorization.evaluation.metrics.probability import brier, calibration_slope
from memorization.files import read_object, write_object
from memorization.intensities.boosting import BoostedIntensities, Calibrated
from memorization.intensities.clock import planned
from memorization.intensities.effects import effects
from memorization.intensities.forward import forward
from memorization.intensities.logistic import CURVE, FREE, LINE, LogisticIntensities, time_columns


@pytest.fixture(scope="module")
def simulated():
    return made_up_study(3000, seed=0)


@pytest.fixture(scope="module")
def fitted(simulated):
    rng = np.random.default_rng(0)
    return LogisticIntensities.fit(simulated[0].only(["surprisal.mean"]), rng, (FREE,), 10**9)


def test_coefficients_are_those_that_the_states_were_drawn_from(simulated, fitted):
    study, _ = simulated
    spread = study.features["surprisal.mean"].to_numpy()
    scale = np.sqrt(np.cov(spread, aweights=study.weight, bias=True))
    for name, truth in TRUTH.items():
        own = fitted.coefficients[name]
        found = dict(zip(fitted.terms, own.clock, strict=False))
        assert found["seen"] == pytest.approx(truth["seen"], abs=0.15)
        assert found["since_seen"] == pytest.approx(truth["since_seen"], abs=0.15)
        assert own.text[0] / scale == pytest.approx(truth["text"], abs=0.15)


@pytest.mark.parametrize("kind", [LogisticIntensities, BoostedIntensities])
def test_a_forecast_is_nearly_as_good_as_the_truth(kind, simulated):
    study, _ = simulated
    model = kind.fit(study, np.random.default_rng(0))
    other, truth = made_up_study(1500, seed=9)
    found = model.forecast(other.histories, other.features)
    best = forward(truth["first"][:, :, 0], truth["again"], truth["loss"])
    marginal = np.average(study.histories.memorized, axis=0, weights=study.weight)

    def error(memorized):
        own = np.broadcast_to(memorized, other.histories.memorized.shape)
        weight = np.ones(own.size)
        return float(brier(other.histories.memorized.ravel(), own.ravel(), weight))

    assert error(found.memorized) < error(best.memorized) + 0.1 * (
        error(marginal) - error(best.memorized)
    )
    np.testing.assert_allclose(found.memorized.mean(), best.memorized.mean(), rtol=0.1)
    assert (np.diff(found.survival, axis=1) <= 1e-12).all()


def test_thinning_changes_the_precision_not_the_level(simulated):
    study = simulated[0].only(["surprisal.mean"])
    rng = np.random.default_rng(1)
    thin = LogisticIntensities.fit(study, rng, (FREE,), 8_000)
    full = LogisticIntensities.fit(study, rng, (FREE,), 10**9)
    one, other = (model.forecast(study.histories, study.features) for model in (thin, full))
    assert abs(one.memorized.mean() / other.memorized.mean() - 1) < 0.03


def test_a_file_holds_all_of_a_model(simulated, fitted, tmp_path):
    study, _ = simulated
    write_object(fitted, tmp_path / "model.json")
    back = read_object(LogisticIntensities, tmp_path / "model.json")
    one, other = (m.forecast(study.histories, study.features) for m in (fitted, back))
    np.testing.assert_array_equal(one.memorized, other.memorized)


def test_states_are_not_looked_at_in_a_forecast(simulated, fitted):
    study, _ = simulated
    blind = replace(study.histories, memorized=~study.histories.memorized)
    one, other = (fitted.forecast(own, study.features) for own in (study.histories, blind))
    np.testing.assert_array_equal(one.memorized, other.memorized)


def test_without_exposures_it_says_so(simulated, fitted):
    study, _ = simulated
    with pytest.raises(ValueError, match="exposures are not known"):
        fitted.forecast(study.histories.unseen(), study.features)
    by_text = LogisticIntensities.fit(
        replace(study, histories=study.histories.unseen()), np.random.default_rng(0)
    )
    assert by_text.terms == ("fraction",)
    by_text.forecast(study.histories, study.features)


def test_too_few_events_give_a_rate(simulated):
    study, _ = simulated
    nothing = replace(study.histories, memorized=np.zeros_like(study.histories.memorized))
    nothing.memorized[:3, -1] = True
    own = replace(study, histories=nothing)
    for kind in (LogisticIntensities, BoostedIntensities):
        found = kind.fit(own, np.random.default_rng(0)).forecast(nothing, study.features)
        assert 0 < found.memorized[:, -1].mean() < 0.01


def test_more_copies_and_later_ones_are_remembered(simulated):
    study, _ = simulated
    model = LogisticIntensities.fit(study.only([]), np.random.default_rng(0), (FREE,))
    steps = study.histories.steps
    schedules = [np.arange(1, 61), np.arange(241, 301), np.arange(1, 301, 5), np.array([], int)]
    early, late, even, never = model.forecast(planned(schedules, steps)).memorized[:, -1]
    assert min(late, even) > early > never


def test_effects_have_intervals_over_texts(simulated):
    study, _ = simulated
    found = effects(study, 0.95)
    for name, truth in TRUTH.items():
        own = found[name]["log_odds"]["seen"]
        assert own["low"] < own["value"] < own["high"]
        # Without the text, which is left out, slopes are a little flatter.
        assert own["value"] == pytest.approx(truth["seen"], abs=0.2)
    assert effects(replace(study, histories=study.histories.unseen()), 0.95) == {}


def test_the_spline_is_of_training_and_not_of_the_data(simulated):
    study, _ = simulated
    terms = ("seen", "fraction")
    columns = time_columns(study.histories, terms, CURVE)
    few = time_columns(study.histories.take(np.arange(2)), terms, CURVE)
    np.testing.assert_array_equal(columns[:2], few)
    assert columns.shape[2] == 1 + 5
    line = time_columns(study.histories, terms, LINE)[0, :, 1]
    np.testing.assert_allclose(np.abs(np.diff(line)), 1 / 30)


@pytest.mark.parametrize("effect", [0.0, 1.5])
def test_trees_are_not_sure_of_texts_that_they_have_not_seen(effect):
    """A text has many rows, a rate of its own, and features by which it can be told."""
    rng = np.random.default_rng(1)
    n, rows = 400, 20
    features = rng.normal(size=(n, 10))
    log_odds = effect * (features[:, 0] > 0) + rng.normal(size=n) - 1
    text = np.repeat(np.arange(n), rows)
    event = rng.random(n * rows) < expit(log_odds[text])
    design, fold, weight = features[text].astype(np.float32), text % 5, np.ones(n * rows)
    seen = text < 300
    found = Calibrated.fit(design[seen], event[seen], weight[seen], fold[seen], seed=0)
    if not effect:
        assert found is None or np.ptp(found.log_odds(design[~seen])) < 0.5
        return
    slopes = [
        float(calibration_slope(event[~seen], expit(log_odds), weight[~seen]))
        for log_odds in (
            found.trees.decision_function(design[~seen]),
            found.log_odds(design[~seen]),
        )
    ]
    assert slopes[0] < 0.8
    assert 0.85 < slopes[1] < 1.2
