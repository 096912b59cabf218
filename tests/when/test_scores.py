from dataclasses import replace

import numpy as np
import pytest
from lifelines.utils import concordance_index
from made_up_histories import made_up_study
from made_up_study import from_the_start, make_study
from sklearn.metrics import brier_score_loss, roc_auc_score

from memorization.evaluation.bootstrap import Bootstrap
from memorization.intensities.forward import Forecast, forward
from memorization.study import Targets
from memorization.when.models.kaplan_meier import kaplan_meier
from memorization.when.scores import (
    event_statistics,
    milestones,
    score,
    state_metrics,
    stay_metrics,
    survival_metrics,
)


@pytest.fixture(scope="module")
def bootstrap(study):
    return Bootstrap.of(np.arange(len(study)) // 2, 200, 0.9, np.random.default_rng(0))


def one_fold(study):
    return replace(study, splits=study.splits.assign(fold=0))


def forecast(survival, memorized=np.nan):
    return Forecast.of(survival, np.broadcast_to(memorized, survival.shape)).curves


def estimates(study, survival, bootstrap, reference=None):
    known = None if reference is None else forecast(reference)
    found = score(study, forecast(survival), bootstrap, known)
    return {name: value.estimate(bootstrap.level) for name, value in found.items()}


def test_milestones_are_the_first_checkpoints_there():
    assert milestones(10 * np.arange(1, 13)) == {25: 3, 50: 6, 75: 9, 100: 12}
    # Checkpoints need not be even, nor fall on a milestone.
    assert milestones(np.array([1, 30, 100])) == {25: 2, 50: 3, 75: 3, 100: 3}


def test_metrics_agree_with_other_libraries(simulated):
    study, truth = simulated
    times, weight = study.times, study.weight
    metrics = survival_metrics(one_fold(study), truth)
    free = truth[:, :-1].sum(axis=1) + truth[:, -1] / 2
    expected = concordance_index(times.time, free, times.event)
    assert metrics["concordance"](np.ones(len(study))) == pytest.approx(expected)
    by_then = times.event & (times.time <= 6)
    expected = roc_auc_score(by_then, 1 - truth[:, 5], sample_weight=weight)
    assert metrics["auroc_at_50"](weight) == pytest.approx(expected)
    observed, predicted = (np.average(x, weights=weight) for x in (by_then, 1 - truth[:, 5]))
    ratio = metrics["observed_to_expected_at_50"](weight)
    assert ratio == pytest.approx(observed / predicted)


def test_a_curve_for_everybody_has_no_rank(study, bootstrap):
    # Even where the folds' curves differ in level, as marginal ones do.
    level = 0.9 + 0.03 * study.fold
    curves = kaplan_meier(study.times, study.weight) ** level[:, None]
    found = estimates(study, curves, bootstrap)
    for name in ("concordance", "concordance_memorized", "auroc_at_25", "auroc_at_100"):
        assert found[name] == pytest.approx({"value": 0.5, "low": 0.5, "high": 0.5}, abs=1e-12)


def test_the_truth_beats_the_marginal_curve(simulated, bootstrap):
    study, known = simulated
    marginal = np.tile(kaplan_meier(study.times, study.weight), (len(study), 1))
    truth, baseline = (estimates(study, s, bootstrap, marginal) for s in (known, marginal))
    assert baseline["brier_skill"] == {"value": 0, "low": 0, "high": 0}
    assert truth["brier_skill"]["low"] > 0.05
    skill = 1 - truth["integrated_brier"]["value"] / baseline["integrated_brier"]["value"]
    assert truth["brier_skill"]["value"] == pytest.approx(skill)
    assert truth["concordance"]["low"] > 0.6
    error = "absolute_error_steps"
    assert truth[error]["high"] < baseline[error]["value"]
    assert all(v["low"] <= v["value"] <= v["high"] for v in truth.values())
    assert "brier_skill" not in estimates(study, known, bootstrap.first(2))


def test_states_are_scored_where_they_are_known(study, bootstrap):
    rng = np.random.default_rng(3)
    memorized = rng.random((400, 12)) < 0.4
    observed = np.arange(12) >= rng.integers(0, 4, 400)[:, None]
    histories = replace(study.histories, memorized=memorized & observed, observed=observed)
    own = replace(one_fold(study), histories=histories)
    p, marginal = rng.random((400, 12)), np.full((400, 12), 0.4)
    weight = own.weight
    metrics = state_metrics(own, p, marginal)
    at = observed[:, 5]
    expected = roc_auc_score(memorized[at, 5], p[at, 5], sample_weight=weight[at])
    assert metrics["state_auroc_at_50"](weight) == pytest.approx(expected)
    rows = np.broadcast_to(weight[:, None], p.shape)[observed]
    errors = [
        brier_score_loss(memorized[observed], q[observed], sample_weight=rows)
        for q in (p, marginal)
    ]
    assert metrics["state_brier"](weight) == pytest.approx(errors[0])
    assert metrics["state_skill"](weight) == pytest.approx(1 - errors[0] / errors[1])
    both = score(own, forecast(p, p), bootstrap, forecast(p, marginal))
    assert both["state_skill"].value == pytest.approx(1 - errors[0] / errors[1])
    # Of what is said of the onset alone, no state is scored.
    assert not any("state" in name for name in score(own, forecast(p), bootstrap, None))


def test_statistics_by_hand():
    targets = from_the_start(np.array([2, 4, 6, 12, 12]), np.array([1, 1, 1, 0, 1], bool), 12)
    weight = np.array([1.0, 1.0, 7.0, 10.0, 1.0])
    assert event_statistics(make_study(targets=targets, weight=weight)) == {
        "n": 5,
        "n_events": 4,
        "n_left_censored": 0,
        "checkpoints": 12,
        "population_fraction": 0.5,
        "event_step_quantiles": {"10%": 20, "50%": 60, "90%": 60},
    }


def test_late_evaluations_are_scored_where_the_state_is_known(simulated):
    study, truth = simulated
    event, weight = study.times.event, study.weight
    observed = np.random.default_rng(1).integers(1, 13, len(study))
    time = np.where(event, np.maximum(study.times.time, observed), 12)
    late = one_fold(replace(study, targets=Targets(time, event, 12, observed)))
    left = late.times.left_censored
    assert 0 < left.sum() < event.sum()
    metrics = survival_metrics(late, truth)
    for percent, at in {25: 3, 100: 12}.items():
        known = observed <= at
        by_then, chance = (event & (time <= at))[known], 1 - truth[known, at - 1]
        found = metrics[f"auroc_at_{percent}"](weight)
        assert found == pytest.approx(roc_auc_score(by_then, chance, sample_weight=weight[known]))
        shares = [np.average(x, weights=weight[known]) for x in (by_then, chance)]
        found = metrics[f"observed_to_expected_at_{percent}"](weight)
        assert found == pytest.approx(shares[0] / shares[1])
    exact = event & ~left
    median = [np.flatnonzero(1 - s >= (1 - s[-1]) / 2)[0] + 1 for s in truth[exact]]
    error = np.average(np.abs(10 * (time[exact] - median)), weights=weight[exact])
    assert metrics["absolute_error_steps"](weight) == pytest.approx(error)
    # Early quantiles come from the curve, not from the bounds.
    found, expected = (event_statistics(s)["event_step_quantiles"]["50%"] for s in (late, study))
    assert abs(found - expected) <= 10
    assert np.median(10 * time[event]) >= expected + 20


def test_the_length_of_stays_is_that_of_the_truth(bootstrap):
    study, own = made_up_study(1_000, 5)
    truth = forward(own["first"][:, :, 0], own["again"], own["loss"])
    metrics = stay_metrics(study, truth.memorized, truth.durable, truth.switches)
    weight = study.weight
    states = study.histories.memorized
    # Runs of memory, by hand.
    begins = states & ~np.hstack([np.zeros((1_000, 1), bool), states[:, :-1]])
    length = (weight @ states.sum(axis=1)) / (weight @ begins.sum(axis=1))
    stays = (truth.switches[:, -1] + truth.memorized[:, -1]) / 2
    expected = (weight @ truth.memorized.sum(axis=1)) / (weight @ stays)
    assert metrics["stay_observed_to_expected"](weight) == pytest.approx(length / expected)
    for name in ("stay", "switches", "durable"):
        metric = f"{name}_observed_to_expected" + ("_at_75" if name == "durable" else "")
        assert metrics[metric](weight) == pytest.approx(1, abs=0.15)
    # Twice as many switches expected as there are.
    more = stay_metrics(study, truth.memorized, truth.durable, 2 * truth.switches)
    assert more["switches_observed_to_expected"](weight) == pytest.approx(0.5, abs=0.1)


def test_of_few_checkpoints_no_stay_is_told(bootstrap):
    study, own = made_up_study(200, 6, c=7)
    study = replace(study, targets=targets_of_states(study.histories))
    truth = forward(own["first"][:, :, 0], own["again"], own["loss"]).curves
    alone = Bootstrap.of(study.cluster, 20, 0.9, np.random.default_rng(0))
    found = score(study, truth, alone, None)
    assert "state_brier" in found
    assert not [name for name in found if name.startswith(("stay", "switches", "durable"))]


def targets_of_states(histories):
    ever = histories.memorized.any(axis=1)
    c = histories.memorized.shape[1]
    time = np.where(ever, histories.memorized.argmax(axis=1) + 1, c)
    return from_the_start(time, ever, c)
