"""The simulated studies by which onset and loss are judged, and the scores of forecast states."""

from dataclasses import replace

import numpy as np
import pytest
import state_calibration
from simulated_studies import chances, states
from state_calibration import calibration_intercept, forecasts, scores, studied, summary

from memorization.intensities.forward import forward
from memorization.when.models import MODELS


def blurred(truth, seed=0):
    """Return a forecast that is wrong by chance."""
    off = np.random.default_rng(seed).normal(0, 0.1, truth.shape)
    return np.clip(truth + off, 0.001, 0.999)


def test_states_are_drawn_as_often_as_the_recursion_says():
    seen = np.cumsum([[0, 2, 0, 5, 1, 0, 40, 3]], axis=1)
    own = chances(seen, 10 * np.arange(1, 9))
    truth = forward(own["first"][:, :, 0], own["again"], own["loss"]).memorized[0]
    draws = 20_000
    many = {name: np.repeat(of, draws, axis=0) for name, of in own.items()}
    share = states(many, np.random.default_rng(0)).mean(axis=0)
    assert np.abs(share - truth).max() < 4 * np.sqrt(0.25 / draws)
    assert truth.max() > 0.2


def test_a_text_adds_to_the_log_odds_what_it_is_said_to():
    seen, steps = np.array([[1, 4], [1, 4]]), np.array([10, 20])
    effect = {"first": np.array([0.0, 2.0]), "again": np.zeros(2), "loss": np.array([0.0, -1.0])}
    for name, own in chances(seen, steps, effect).items():
        log_odds = np.log(own / (1 - own))
        np.testing.assert_allclose(log_odds[1] - log_odds[0], effect[name][1], atol=1e-12)


@pytest.mark.parametrize("scenario", ["every", "late", "seven"])
def test_the_truth_has_no_error_and_all_that_can_be_attained(scenario):
    study, truth = studied(scenario, 0)
    assert truth.shape == study.known_histories.memorized.shape
    found = scores(study, truth, truth)
    assert found["absolute_error"][0] == 0
    assert found["attained"][0] == pytest.approx(found["attained"][1])
    above, below = found["observed_to_expected"]
    assert above / below == pytest.approx(1, abs=0.1)


def test_scenarios_see_the_same_study():
    every, truth = studied("every", 3)
    seven, of_seven = studied("seven", 3)
    at = np.searchsorted(every.steps, seven.steps)
    assert seven.steps.tolist() == [60, 120, 180, 230, 290, 340, 400]
    np.testing.assert_array_equal(of_seven, truth[:, at])
    late, of_late = studied("late", 3)
    np.testing.assert_array_equal(of_late, truth)
    observed = late.known_histories.observed
    assert 0.5 < observed.mean() < 1
    same = late.known_histories.memorized == every.known_histories.memorized
    assert same[observed].all()


def test_a_forecast_that_is_off_is_told_by_how_much():
    study, truth = studied("every", 1)
    log_odds = np.log(truth / (1 - truth))
    right = scores(study, truth, truth)
    found = scores(study, truth, 1 / (1 + np.exp(1 - log_odds)))
    assert found["intercept"][0] - right["intercept"][0] == pytest.approx(1, abs=1e-6)
    assert found["slope"][0] == pytest.approx(right["slope"][0])
    found = scores(study, truth, 1 / (1 + np.exp(-2 * log_odds)))
    assert found["slope"][0] == pytest.approx(right["slope"][0] / 2)


def test_no_intercept_makes_a_forecast_right_where_all_end_alike():
    half, one = np.full(3, 0.5), np.ones(3)
    assert np.isnan(calibration_intercept(np.zeros(3), half, one))
    assert np.isnan(calibration_intercept(one, half, one))
    assert calibration_intercept(np.array([1, 0, 0]), half, one) == pytest.approx(-np.log(2))


def test_the_skill_of_many_draws_is_what_is_attained():
    study, truth = studied("seven", 2)
    forecast, rng = blurred(truth), np.random.default_rng(4)
    histories = study.known_histories
    drawn = []
    for _ in range(300):
        memorized = rng.random(truth.shape) < truth
        again = replace(study, histories=replace(histories, memorized=memorized))
        drawn.append(scores(again, truth, forecast)["skill"][0])
    error = np.std(drawn) / np.sqrt(len(drawn))
    expected = scores(study, truth, forecast)["attained"][0]
    assert abs(np.mean(drawn) - expected) < 4 * error
    assert expected > 8 * error


def test_a_row_counts_as_often_as_its_weight_and_only_where_it_was_looked_at():
    study, truth = studied("late", 5)
    study = replace(study, weight=np.where(study.weight > 1.2, 2.0, 1.0))
    forecast = blurred(truth)
    found = scores(study, truth, forecast)
    twice = np.repeat(np.arange(len(study)), study.weight.astype(int))
    assert len(twice) > len(study)
    alone = replace(study.take(twice), weight=np.ones(len(twice)))
    unseen = np.where(study.known_histories.observed, forecast, 0.5)[twice]
    for name, parts in scores(alone, truth[twice], unseen).items():
        assert parts == pytest.approx(found[name]), name


def test_models_are_fitted_with_the_weights_and_without(monkeypatch):
    monkeypatch.setattr(state_calibration, "JUDGED", {"exposure_clock": MODELS["exposure_clock"]})
    study, truth = studied("seven", 0)
    found = dict(forecasts(study))
    weighted, unweighted = found.values()
    assert list(found) == ["corpus/exposure_clock/weighted", "corpus/exposure_clock/unweighted"]
    assert 0 < np.abs(weighted - unweighted).max() < 0.5
    above, below = scores(study, truth, weighted)["attained"]
    assert above / below > 0.5
    alike = replace(study, weight=np.ones(len(study)))
    for forecast in dict(forecasts(alike)).values():
        np.testing.assert_allclose(forecast, unweighted, atol=1e-9)


def test_over_studies_sums_are_divided_by_sums():
    parts = [(1.0, 2.0), (3.0, 4.0), (2.0, 5.0)]
    trials = [
        {"corpus/m/weighted": {"score": of}, "corpus/m/unweighted": {"score": (of[0] + 1, of[1])}}
        for of in parts
    ]
    found = summary(trials)
    own, change = (found[f"corpus/m/{kind}"]["score"] for kind in ("weighted", "change"))
    assert own["value"] == pytest.approx(6 / 11)
    residual = [1 - 12 / 11, 3 - 24 / 11, 2 - 30 / 11]
    spread = np.sqrt(sum(of**2 for of in residual) / 2)
    assert own["error"] == pytest.approx(spread / np.sqrt(3) / (11 / 3))
    # Without the weights each sum is larger by one; what all studies have in common is no error.
    assert change["value"] == pytest.approx(3 / 11)
    below = np.array([2.0, 4.0, 5.0])
    moved = (1 - 3 / 11 * below) / below.mean()
    assert change["error"] == pytest.approx(moved.std(ddof=1) / np.sqrt(3))


def test_a_score_that_no_study_has_is_not_a_number():
    trials = [{"truth": {"slope": (0.0, 0.0)}}] * 2
    assert np.isnan(summary(trials)["truth"]["slope"]["value"])
