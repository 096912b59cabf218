import dataclasses

import numpy as np
import pytest
from lifelines.utils import concordance_index
from sklearn.metrics import roc_auc_score

from memorization.evaluation.bootstrap import cluster_multiplicities
from memorization.tables import WHEN_CALIBRATION
from memorization.when.evaluate import (
    Evaluation,
    calibration,
    event_statistics,
    milestones,
    score_runs,
    survival_metrics,
)
from memorization.when.models.kaplan_meier import kaplan_meier

STEPS = 10 * np.arange(1, 13)


@pytest.fixture(scope="module")
def evaluation(sample):
    n = len(sample.targets)
    rng = np.random.default_rng(0)
    multiplicities = cluster_multiplicities(np.arange(n) // 2, 200, rng)
    fold = rng.integers(0, 3, n)
    return Evaluation(sample.targets, STEPS, sample.weight, fold, multiplicities, 0.9)


def test_milestones_are_the_first_checkpoints_there():
    assert milestones(STEPS) == {25: 3, 50: 6, 75: 9, 100: 12}
    # Checkpoints need not be even, nor fall on a milestone.
    assert milestones(np.array([1, 30, 100])) == {25: 2, 50: 3, 75: 3, 100: 3}


def test_metrics_agree_with_other_libraries(sample):
    one_fold, ones = np.zeros(len(sample.targets)), np.ones(len(sample.targets))
    metrics = survival_metrics(sample.truth, sample.targets, STEPS, one_fold)
    free = sample.truth[:, :-1].sum(axis=1) + sample.truth[:, -1] / 2
    expected = concordance_index(sample.targets.time, free, sample.targets.event)
    assert metrics["concordance"](ones) == pytest.approx(expected)
    by_then = sample.targets.event & (sample.targets.time <= 6)
    expected = roc_auc_score(by_then, 1 - sample.truth[:, 5], sample_weight=sample.weight)
    assert metrics["auroc_at_50"](sample.weight) == pytest.approx(expected)
    observed = np.average(by_then, weights=sample.weight)
    predicted = np.average(1 - sample.truth[:, 5], weights=sample.weight)
    ratio = metrics["observed_to_expected_at_50"](sample.weight)
    assert ratio == pytest.approx(observed / predicted)


def test_a_curve_for_everybody_has_no_rank(evaluation, sample):
    # Even where the folds' curves differ in level, as marginal ones do.
    level = 0.9 + 0.03 * evaluation.fold
    curves = kaplan_meier(sample.targets, sample.weight) ** level[:, None]
    scores = evaluation.scores(curves)
    for name in ("concordance", "concordance_memorized", "auroc_at_25", "auroc_at_100"):
        found = scores[name].estimate(evaluation.level)
        assert found == pytest.approx({"value": 0.5, "low": 0.5, "high": 0.5}, abs=1e-12)


def test_the_truth_beats_the_marginal_curve(evaluation, sample):
    marginal = np.tile(kaplan_meier(sample.targets, sample.weight), (len(sample.targets), 1))
    survival = {("corpus", "cox"): sample.truth, ("text", "kaplan_meier"): marginal}
    metrics = score_runs(evaluation, list(survival), survival.get).metrics
    truth, baseline = metrics["corpus"]["cox"], metrics["text"]["kaplan_meier"]
    assert baseline["brier_skill"] == {"value": 0, "low": 0, "high": 0}
    assert truth["brier_skill"]["low"] > 0.05
    skill = 1 - truth["integrated_brier"]["value"] / baseline["integrated_brier"]["value"]
    assert truth["brier_skill"]["value"] == pytest.approx(skill)
    assert truth["concordance"]["low"] > 0.6
    error = "absolute_error_steps"
    assert truth[error]["value"] < baseline[error]["value"]
    assert all(v["low"] <= v["value"] <= v["high"] for v in truth.values())
    gained = metrics["gains"]["over_baseline"]["corpus"]["cox"]["kaplan_meier"]
    assert gained[error]["value"] == pytest.approx(truth[error]["value"] - baseline[error]["value"])
    assert gained[error]["high"] < 0


def test_skill_needs_its_baseline(evaluation, sample):
    scored = score_runs(evaluation, [("text", "cox")], lambda _: sample.truth)
    scores = scored.metrics["text"]["cox"]
    np.testing.assert_allclose(scored.survival["text", "cox"], sample.truth, atol=1e-6)
    assert "brier_skill" not in scores


def test_calibration_adds_up(sample):
    table = calibration(sample.truth, sample.targets, STEPS, sample.weight)
    assert sorted(set(table["step"])) == [30, 60, 90, 120]
    for step, part in table.groupby("step"):
        at = step // 10
        by_then = sample.targets.event & (sample.targets.time <= at)
        assert part["n"].sum() == len(sample.targets)
        assert (part["observed"] * part["weight"]).sum() == pytest.approx(sample.weight @ by_then)
        expected = (part["predicted"] * part["weight"]).to_numpy()
        assert expected.sum() == pytest.approx(sample.weight @ (1 - sample.truth[:, at - 1]))
        # Each of ten groups expects a tenth of the events, up to one row.
        assert part["group"].tolist() == list(range(1, 11))
        np.testing.assert_allclose(expected, expected.mean(), atol=sample.weight.max())
        assert (np.diff(part["predicted"]) > 0).all()


def test_calibration_of_every_model_is_a_valid_table(evaluation, sample):
    same = np.tile(kaplan_meier(sample.targets, sample.weight), (len(sample.targets), 1))
    survival = {("text", "kaplan_meier"): same, ("corpus", "cox"): sample.truth}
    scored = score_runs(evaluation, list(survival), survival.get)
    table = WHEN_CALIBRATION.validate(scored.calibration)
    assert table["model"].value_counts().to_dict() == {"cox": 40, "kaplan_meier": 4}


def test_statistics_by_hand(sample):
    targets = sample.targets.take(np.arange(5))
    targets = type(targets)(
        np.array([2, 4, 6, 12, 12]),
        np.array([True, True, True, False, True]),
        12,
    )
    weight = np.array([1.0, 1.0, 7.0, 10.0, 1.0])
    assert event_statistics(targets, STEPS, weight) == {
        "n": 5,
        "n_events": 4,
        "n_left_censored": 0,
        "checkpoints": 12,
        "population_fraction": 0.5,
        "event_step_quantiles": {"10%": 20, "50%": 60, "90%": 60},
    }


def test_late_evaluations_are_scored_where_the_state_is_known(sample):
    observed = np.random.default_rng(1).integers(1, 13, len(sample.targets))
    time = np.where(sample.targets.event, np.maximum(sample.targets.time, observed), 12)
    late = dataclasses.replace(sample.targets, time=time, observed=observed)
    left, weight = late.left_censored, sample.weight
    assert 0 < left.sum() < late.event.sum()
    one_fold = np.zeros(len(late))
    metrics = survival_metrics(sample.truth, late, STEPS, one_fold)
    for percent, at in {25: 3, 100: 12}.items():
        known = observed <= at
        by_then = (late.event & (time <= at))[known]
        chance = 1 - sample.truth[known, at - 1]
        found = metrics[f"auroc_at_{percent}"](weight)
        assert found == pytest.approx(roc_auc_score(by_then, chance, sample_weight=weight[known]))
        observed_share = np.average(by_then, weights=weight[known])
        expected_share = np.average(chance, weights=weight[known])
        found = metrics[f"observed_to_expected_at_{percent}"](weight)
        assert found == pytest.approx(observed_share / expected_share)
    exact = late.event & ~left
    median = [np.flatnonzero(1 - s >= (1 - s[-1]) / 2)[0] + 1 for s in sample.truth[exact]]
    error = np.average(np.abs(10 * (time[exact] - median)), weights=weight[exact])
    assert metrics["absolute_error_steps"](weight) == pytest.approx(error)
    # At each milestone, of the sequences seen by then.
    table = calibration(sample.truth, late, STEPS, weight)
    assert (
        table.groupby("step")["n"].sum() == [(observed <= at).sum() for at in (3, 6, 9, 12)]
    ).all()
    # Early quantiles come from the curve, not from the bounds.
    quantiles = event_statistics(late, STEPS, weight)["event_step_quantiles"]
    truth = event_statistics(sample.targets, STEPS, weight)["event_step_quantiles"]
    assert abs(quantiles["50%"] - truth["50%"]) <= 10
    assert np.median(10 * time[late.event]) >= truth["50%"] + 20
