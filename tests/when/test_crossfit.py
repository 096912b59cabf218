import dataclasses

import numpy as np
import pytest

from memorization.features import features_of_tier
from memorization.protocol import TIERS
from memorization.tables import WHEN, survival_matrix
from memorization.when.crossfit import Run, out_of_fold, plan, predictions, too_few_events
from memorization.when.models import MODELS
from memorization.whether.evaluate import candidates

COLUMNS = ["repetition.longest_run", "duplication.sequence_count", "surprisal.mean"]


@pytest.fixture(scope="module")
def fold(sample):
    return np.random.default_rng(0).integers(0, 3, len(sample.targets))


def test_plan_is_cumulative_and_reports_baselines_once():
    models = {name: MODELS[name] for name in ("kaplan_meier", "kaplan_meier_strata", "cox")}
    runs, absent = plan(models, ["index", *COLUMNS])
    assert absent == {}
    assert [(r.tier, r.name) for r in runs] == [
        ("text", "kaplan_meier"),
        ("text", "cox"),
        ("corpus", "kaplan_meier_strata"),
        ("corpus", "cox"),
        ("reference", "cox"),
    ]
    columns = {r.tier: r.columns for r in runs if r.name == "cox"}
    assert columns["text"] == ("repetition.longest_run",)
    assert columns["corpus"] == ("repetition.longest_run", "duplication.sequence_count")
    assert columns["reference"] == tuple(COLUMNS)


def test_plan_without_what_a_model_needs():
    models = {name: MODELS[name] for name in ("kaplan_meier", "kaplan_meier_strata", "cox")}
    runs, absent = plan(models, ["surprisal.mean"])
    assert absent == {"kaplan_meier_strata": "duplication.continuation_count"}
    assert [(r.tier, r.name) for r in runs] == [
        ("text", "kaplan_meier"),
        ("reference", "cox"),
    ]


def test_both_questions_leave_out_the_tiers_that_add_nothing():
    """The smallest target of a suite: no reference, no sibling."""
    columns = COLUMNS[:2]
    runs, _ = plan({name: MODELS[name] for name in ("kaplan_meier", "forest")}, columns)
    by_tier = {tier: features_of_tier(columns, tier) for tier in TIERS}
    whether = candidates(by_tier, {"boosting": None})
    assert [r.tier for r in runs if r.name == "forest"] == ["text", "corpus"]
    assert [c.tier for c in whether if c.model == "boosting"] == ["text", "corpus"]


@pytest.mark.parametrize("name", list(MODELS))
def test_own_label_does_not_reach_the_own_prediction(name, sample, fold):
    run = Run("reference", name, MODELS[name], tuple(COLUMNS))
    args = sample.features, sample.weight, fold, 0, 1
    survival = out_of_fold(run, args[0], sample.targets, *args[1:])
    own = fold == 1
    rng = np.random.default_rng(1)
    flipped = dataclasses.replace(
        sample.targets,
        time=np.where(own, rng.permutation(sample.targets.time), sample.targets.time),
        event=np.where(own, ~sample.targets.event, sample.targets.event),
    )
    again = out_of_fold(run, args[0], flipped, *args[1:])
    np.testing.assert_array_equal(again[own], survival[own])
    # The other folds did learn from these labels; a stratum without rows of this fold cannot.
    assert (again[~own] != survival[~own]).any(axis=1).mean() > 0.95


def test_only_the_columns_of_the_tier_are_used(sample, fold):
    run = Run("text", "hazard", MODELS["hazard"], ("repetition.longest_run",))
    args = sample.targets, sample.weight, fold, 0, 1
    survival = out_of_fold(run, sample.features, *args)
    changed = sample.features.assign(**{"surprisal.mean": 0.0})
    np.testing.assert_array_equal(out_of_fold(run, changed, *args), survival)


def test_too_few_events_are_explained(sample, fold):
    # Fifteen events, six of them in fold 2, none in fold 0.
    event = np.zeros(len(fold), bool)
    event[np.flatnonzero(fold == 2)[:6]] = event[np.flatnonzero(fold == 1)[:9]] = True
    few = dataclasses.replace(sample.targets, event=event)
    assert too_few_events(sample.targets, fold) is None
    reason = too_few_events(few, fold)
    assert reason.startswith("only 15 of the sequences studied have the event, 6 outside fold 1")


def test_predictions_keep_rows_with_their_run():
    index, fold = np.array([7, 3]), np.array([0, 1])
    survival = {
        ("text", "cox"): np.array([[0.9, 0.8], [0.7, 0.6]]),
        ("corpus", "forest"): np.array([[0.5, 0.4], [0.3, 0.2]]),
    }
    table = predictions(index, fold, survival)
    row = (table["index"] == 3) & (table["model"] == "forest") & (table["tier"] == "corpus")
    assert table.loc[row, "fold"].tolist() == [1]
    np.testing.assert_allclose(survival_matrix(table.loc[row, "survival"]), [[0.3, 0.2]])
    assert len(table) == 4
    assert len(WHEN.validate(predictions(index, fold, {}))) == 0
