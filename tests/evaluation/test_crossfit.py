"""One cross-fit serves both questions: nothing is predicted by a model that has seen its fold."""

from dataclasses import replace
from typing import ClassVar

import numpy as np
import pytest
from made_up_study import from_the_start, make_study

from memorization.evaluation.crossfit import Candidate, Model, candidates, cross_fit, thinned
from memorization.strata import CONTINUATIONS, DUPLICATES
from memorization.when.models import MODELS as WHEN
from memorization.whether.models import BASELINES
from memorization.whether.models import MODELS as WHETHER

MODELS = {"whether": BASELINES | WHETHER, "when": WHEN}


class Lookup(Model):
    """Knows the rows that it was fitted to, and no others."""

    fits: ClassVar[list] = []

    def __init__(self, index):
        self.index = index

    @classmethod
    def fit(cls, study, rows, rng):
        fitted = cls(study.index[rows])
        cls.fits.append(fitted)
        return fitted

    def predict(self, study, rows):
        return np.isin(study.index[rows], self.index).astype(float)


def candidate(study, question, name):
    """Return a model at the highest tier in which it is reported."""
    found, _ = candidates({name: MODELS[question][name]}, study.tiers, question)
    return found[-1]


@pytest.mark.parametrize(("question", "name"), [(q, name) for q in MODELS for name in MODELS[q]])
def test_labels_of_a_held_out_fold_do_not_change_its_predictions(question, name, study):
    text = np.random.default_rng(2).choice([b"one", b"two", b"six"], (len(study), 9)).tolist()
    study = replace(study, text=np.array([b" ".join(words) for words in text], dtype=object))
    run, own = candidate(study, question, name), study.fold == 1
    times = study.times
    time = np.where(own, np.random.default_rng(1).permutation(times.time), times.time)
    flipped = from_the_start(time, times.event ^ own, times.n_times)
    before = cross_fit(run, study)
    states = replace(study.histories, memorized=study.histories.memorized ^ own[:, None])
    changes = {"truth": study.truth ^ own, "targets": flipped, "histories": states}
    after = cross_fit(run, replace(study, **changes))
    assert before.prediction.shape == ((300,) if question == "whether" else (300, 4, 12))
    assert set(before.fitted) == {0, 1, 2}
    np.testing.assert_array_equal(after.prediction[own], before.prediction[own])
    # The other folds did learn from these labels; a stratum without rows of this fold cannot.
    changed = (after.prediction != before.prediction).reshape(300, -1).any(axis=1)
    assert changed[~own].mean() > 0.95


def test_every_fold_is_left_out_once():
    study = make_study(truth=np.arange(12) % 3 == 0, fold=np.repeat([5, 0, 2], 4))
    Lookup.fits.clear()
    found = cross_fit(Candidate("text", "lookup", Lookup, (), "lookup"), study)
    # It knows every row that it was fitted to: it must have known none.
    np.testing.assert_array_equal(found.prediction, np.zeros(12))
    assert [set(study.fold[fit.index]) for fit in Lookup.fits] == [{2, 5}, {0, 5}, {0, 2}]
    assert all(len(fit.index) == 8 for fit in Lookup.fits)
    assert list(found.fitted.values()) == Lookup.fits


@pytest.mark.parametrize(("question", "name"), [("whether", "boosting"), ("when", "forest")])
def test_only_the_columns_of_the_tier_are_used(question, name, study):
    run, _ = candidates({name: MODELS[question][name]}, study.tiers, question)
    assert [r.tier for r in run] == ["text", "corpus", "reference", "sibling"]
    assert run[0].columns == ("repetition.longest_run",)
    changed = replace(study, features=study.features.assign(**{"surprisal.mean": 0.0}))
    first, again = (cross_fit(run[1], given).prediction for given in (study, changed))
    np.testing.assert_array_equal(first, again)


@pytest.mark.parametrize("question", MODELS)
def test_candidates_come_from_the_lowest_tier_up_and_baselines_once(question, study):
    """A tier that adds no feature is left out; and so is a baseline without what it needs."""
    model = {"whether": "boosting", "when": "forest"}[question]
    # Those that go by any feature, or by none, are there whatever is known.
    of_text = ("ngrams", "single_feature")
    of_exposure = ("count", "exposure_clock", "accumulation")
    models = {
        n: m
        for n, m in MODELS[question].items()
        if (m.is_baseline and n not in (*of_text, *of_exposure)) or n == model
    }
    counted, unknown, nothing = (
        candidates(models, study.only(columns).tiers, question)
        for columns in ([DUPLICATES, "repetition.longest_run"], ["surprisal.mean"], [])
    )
    marginal = {"whether": "prevalence", "when": "kaplan_meier"}[question]
    by_count = {"whether": "duplicate_count", "when": "kaplan_meier_strata"}[question]
    assert [(c.tier, c.name, c.columns) for c in counted[0]] == [
        ("text", marginal, ()),
        ("text", model, ("repetition.longest_run",)),
        ("corpus", by_count, (DUPLICATES,)),
        ("corpus", model, (DUPLICATES, "repetition.longest_run")),
    ]
    # The random stream of a fit is its own, so that which others run changes nothing of one.
    assert counted[0][-1].purpose == f"{question}/corpus/{model}"
    assert [c.key for c in unknown[0]] == [("text", marginal), ("reference", model)]
    assert [c.key for c in nothing[0]] == [("text", marginal)]
    absent = {} if question == "whether" else {"kaplan_meier_strata": CONTINUATIONS}
    assert (counted[1], unknown[1], nothing[1]) == ({}, absent, absent)


@pytest.mark.parametrize(
    ("n_events", "largest", "kept_events"), [(20, 50, 20), (80, 50, 25), (195, 50, 45), (5, 300, 5)]
)
def test_events_first_and_both_kinds_keep_their_weight(n_events, largest, kept_events):
    rng = np.random.default_rng(0)
    event, weight = rng.permutation(np.arange(200) < n_events), rng.random(200)
    rows, kept = thinned(event, weight, largest, rng)
    assert len(rows) == min(200, largest)
    assert (np.diff(rows) > 0).all()
    assert event[rows].sum() == kept_events
    for kind in (event, ~event):
        assert kept[kind[rows]].sum() == pytest.approx(weight[kind].sum())


def test_every_row_of_a_kind_is_as_likely():
    event, weight = np.arange(40) < 10, np.ones(40)
    total = np.zeros(40)
    for seed in range(2000):
        rows, kept = thinned(event, weight, 16, np.random.default_rng(seed))
        total[rows] += kept
    np.testing.assert_allclose(total / 2000, 1, atol=0.15)
