from dataclasses import replace
from typing import ClassVar

import numpy as np
import pytest
from made_up_study import make_study
from sklearn.metrics import average_precision_score, roc_auc_score

from memorization.evaluation.bootstrap import Bootstrap
from memorization.evaluation.crossfit import Candidate, CrossFit, cross_fit
from memorization.evaluation.metrics import DECISION_METRICS, METRICS
from memorization.evaluation.metrics.decision import best_f1_threshold
from memorization.strata import CONTINUATIONS, DUPLICATES
from memorization.whether.models import MODELS
from memorization.whether.models.logistic import Logistic
from memorization.whether.scores import (
    SURPRISAL,
    decide,
    matched,
    rankings,
    repeated,
    score,
    strata,
    uncertain,
    unexposed,
)

COUNT = np.repeat([1, 3, 150, 4], 100)


@pytest.fixture
def rows():
    """A study, probabilities of its rows, and resamples."""
    rng = np.random.default_rng(0)
    n = 400
    truth = rng.random(n) < 0.3
    probability = np.clip(0.2 + 0.2 * truth + rng.normal(0, 0.15, size=n), 0.01, 0.99)
    study = make_study(
        {DUPLICATES: COUNT, CONTINUATIONS: np.arange(n)},
        truth,
        weight=rng.random(n) + 0.5,
        fold=rng.integers(0, 4, size=n),
        cluster=rng.integers(0, 200, size=n),
        exposed=np.arange(n) % 10 == 0,
    )
    return study, probability, Bootstrap.of(study.cluster, 300, 0.95, rng)


def scored(study, probability, bootstrap):
    ranked, decision = rankings(study, probability, bootstrap), probability > 0.3
    return score(study, CrossFit(probability, {}), decision, ranked, bootstrap)


def precision(study, probability, rows):
    """Return scikit-learn's average precision among some rows, rounded as a test may be."""
    value = average_precision_score(
        study.truth[rows], probability[rows], sample_weight=study.weight[rows]
    )
    return pytest.approx(value)


def test_every_metric_has_an_interval_around_its_value(rows):
    study, probability, bootstrap = rows
    found = scored(study, probability, bootstrap)
    assert set(found) == set(METRICS) | set(DECISION_METRICS)
    for entry in found.values():
        assert entry["low"] < entry["value"] < entry["high"]
    truth, weight = study.truth, study.weight
    folds = [study.fold == k for k in range(4)]
    within = [roc_auc_score(truth[f], probability[f], sample_weight=weight[f]) for f in folds]
    pairs = [weight[f & truth].sum() * weight[f & ~truth].sum() for f in folds]
    assert found["auroc"]["value"] == pytest.approx(np.average(within, weights=pairs))
    assert found["average_precision"]["value"] == precision(study, probability, slice(None))


def test_a_constant_within_folds_ranks_nothing(rows):
    study, _, bootstrap = rows
    found = scored(study, np.array([0.1, 0.2, 0.3, 0.4])[study.fold], bootstrap)
    assert found["auroc"] == {"value": 0.5, "low": 0.5, "high": 0.5}
    assert np.isnan(found["calibration_slope"]["value"])


def test_strata_by_hand(rows):
    study, probability, bootstrap = rows
    study = replace(study, truth=study.truth & (COUNT != 150))
    truth, weight = study.truth, study.weight
    probabilities = {("text", "m"): probability, ("corpus", "duplicate_count"): COUNT / 200}
    found = strata(study, DUPLICATES, probabilities, bootstrap)
    assert {name: of["n"] for name, of in found.items()} == {"1": 100, "2-4": 200, "100+": 100}
    some = np.isin(COUNT, [3, 4])
    assert found["2-4"]["cases"] == truth[some].sum()
    assert found["2-4"]["population"] == pytest.approx(weight[some].sum())
    own, first = found["1"], COUNT == 1
    ranked = own["text"]["m"]["average_precision"]["value"]
    assert ranked == precision(study, probability, first)
    share = np.average(truth[first], weights=weight[first])
    assert own["prevalence"]["value"] == pytest.approx(share)
    memorized = np.flatnonzero(truth[:100])
    assert own["counts_of_cases"] == {
        "sequence_count": {"least": 1, "most": 1},
        "continuation_count": {"least": memorized[0], "most": memorized[-1]},
    }
    # Nobody is memorized there, so there is nothing to rank.
    assert found["100+"]["prevalence"]["value"] == 0
    assert {"counts_of_cases", "text"}.isdisjoint(found["100+"])
    # Among sequences of one count, the count ranks nothing: its score is the prevalence.
    gained = own["text"]["m"]["average_precision_gain"]["value"]
    assert gained == pytest.approx(ranked - share)
    assert "average_precision_gain" not in own["corpus"]["duplicate_count"]


def test_where_the_count_leaves_in_doubt_what_happens(rows):
    study, probability, bootstrap = rows
    # All of those that occur 150 times, some of those that do so once, none of the others.
    truth = np.where(COUNT == 150, True, study.truth & (COUNT == 1))
    study = replace(study, truth=truth)
    probabilities = {("text", "m"): probability, ("corpus", "duplicate_count"): COUNT / 200}
    found = uncertain(study, DUPLICATES, probabilities, bootstrap)
    once = COUNT == 1
    assert (found["strata"], found["n"], found["cases"]) == (["1"], 100, truth[once].sum())
    held = np.bincount(study.cluster[once & truth])
    assert found["effective_clusters"] == pytest.approx(held.sum() ** 2 / (held**2).sum())
    ranked = found["text"]["m"]
    assert ranked["average_precision"]["value"] == precision(study, probability, once)
    share = np.average(truth[once], weights=study.weight[once])
    gained = ranked["average_precision_gain"]["value"]
    assert gained == pytest.approx(ranked["average_precision"]["value"] - share)
    # Where every stratum is decided, nothing is said.
    decided = uncertain(replace(study, truth=COUNT == 150), DUPLICATES, probabilities, bootstrap)
    assert decided == {"strata": [], "n": 0, "cases": 0, "effective_clusters": 0.0}


def test_among_those_that_recur(rows):
    study, probability, bootstrap = rows
    often = COUNT >= 5
    study = replace(study, truth=study.truth | (often & (probability > 0.5)))
    probabilities = {("text", "m"): probability, ("corpus", "duplicate_count"): COUNT / 200}
    found = repeated(study, DUPLICATES, probabilities, bootstrap)
    assert (found["n"], found["cases"]) == (often.sum(), study.truth[often].sum())
    ranked = found["text"]["m"]
    assert ranked["average_precision"]["value"] == precision(study, probability, often)
    # They occur equally often, so the count's score is the prevalence.
    share = np.average(study.truth[often], weights=study.weight[often])
    gained = ranked["average_precision_gain"]["value"]
    assert gained == pytest.approx(ranked["average_precision"]["value"] - share)


def test_among_those_alike_in_count_and_surprisal(rows):
    study, probability, bootstrap = rows
    surprisal = np.random.default_rng(3).permutation(400)
    study = replace(study, features=study.features.assign(**{SURPRISAL: surprisal}))
    # Nobody of those that occur 150 times.
    study = replace(study, truth=study.truth & (COUNT != 150))
    found = matched(study, DUPLICATES, {("text", "m"): probability}, bootstrap)
    # Once, or 2 to 4 times; a fifth of the surprisals each; one fold.
    band = np.where(COUNT == 1, 0, np.where(COUNT == 150, 2, 1))
    won = pairs = n = 0.0
    for cell in np.unique(np.stack([band, surprisal // 80, study.fold]), axis=1).T:
        own = (band == cell[0]) & (surprisal // 80 == cell[1]) & (study.fold == cell[2])
        truth, weight = study.truth[own], study.weight[own]
        if truth.any() and not truth.all():
            size = weight[truth].sum() * weight[~truth].sum()
            won += size * roc_auc_score(truth, probability[own], sample_weight=weight)
            pairs, n = pairs + size, n + own.sum()
    assert found["n"] == n < 400
    assert found["text"]["m"]["value"] == pytest.approx(won / pairs)
    none = replace(study, truth=COUNT == 150)
    assert matched(none, DUPLICATES, {("text", "m"): probability}, bootstrap) == {
        "n": 0,
        "cases": 0,
    }


def test_unexposed_scores_are_of_the_other_rows_alone(rows):
    study, probability, bootstrap = rows
    exposed = study.splits["exposed"]
    changed = {("text", "m"): np.where(exposed, 0.5, probability)}
    found = unexposed(study, changed, bootstrap)
    assert (found["n"], found["cases"]) == (360, study.truth[~exposed].sum())
    expected = precision(study, probability, ~exposed)
    assert found["text"]["m"]["average_precision"]["value"] == expected
    of_one_class = replace(study, splits=study.splits.assign(exposed=~study.truth))
    assert set(unexposed(of_one_class, changed, bootstrap)) == {"n", "cases"}


class Noted(Logistic):
    """Notes the rows of every fit."""

    fits: ClassVar[list] = []

    @classmethod
    def train(cls, rows, seed):
        cls.fits.append(frozenset(rows.index.tolist()))
        return super().train(rows, seed)


@pytest.fixture
def study():
    rng = np.random.default_rng(0)
    truth = rng.random(120) < 0.3
    features = {"a.x": rng.normal(size=120) + truth}
    study = make_study(
        features, truth, weight=rng.random(120) + 0.5, fold=rng.integers(0, 4, size=120)
    )
    words = rng.choice([b"one", b"two", b"six"], (120, 9)).tolist()
    return replace(study, text=np.array([b" ".join(own) for own in words], dtype=object))


def candidate(model):
    return Candidate("text", "m", model, ("a.x",), "m")


def test_thresholds_are_those_of_a_nested_cross_validation(study):
    run = candidate(Noted)
    crossfit = cross_fit(run, study)
    Noted.fits.clear()
    decision = decide(run, study, crossfit)
    # A model for each two folds, fitted without both.
    rows_of = [set(np.flatnonzero(study.fold == k).tolist()) for k in range(4)]
    every = set(range(120))
    assert len(Noted.fits) == 6
    assert set(Noted.fits) == {
        frozenset(every - rows_of[k] - rows_of[m]) for k in range(4) for m in range(k)
    }
    for k in range(4):
        train = study.take(study.fold != k)
        inner = cross_fit(run, train).prediction
        threshold = best_f1_threshold(train.truth, inner, train.weight)
        own = study.fold == k
        np.testing.assert_array_equal(decision[own], crossfit.prediction[own] >= threshold)


@pytest.mark.parametrize("name", MODELS)
def test_labels_of_a_fold_do_not_change_its_decisions(name, study):
    run, own = candidate(MODELS[name]), study.fold == 2
    crossfit = cross_fit(run, study)
    before = decide(run, study, crossfit)
    after = decide(run, replace(study, truth=study.truth ^ own), crossfit)
    np.testing.assert_array_equal(after[own], before[own])
    # The thresholds of the other folds do learn from it.
    assert (after[~own] != before[~own]).any()


def test_two_folds_leave_no_rows_to_choose_a_threshold_from(study):
    run, halves = candidate(Logistic), replace(study, splits=study.splits % 2)
    with pytest.raises(ValueError, match="no rows to fit to"):
        decide(run, halves, cross_fit(run, halves))
