from dataclasses import replace

import numpy as np
import pytest
from made_up_study import make_study
from sklearn.metrics import roc_auc_score

from memorization.evaluation.crossfit import Candidate, cross_fit
from memorization.whether.models import MODELS
from memorization.whether.models.boosting import Boosting
from memorization.whether.models.ngrams import NGrams
from memorization.whether.models.stacked import COLUMN, Stacked

N = 400


@pytest.fixture(scope="module")
def study():
    """What is memorized has one word, or a feature above another's; each tells half of it."""
    rng = np.random.default_rng(0)
    word, feature = rng.random(N) < 0.3, rng.normal(size=N)
    text = np.empty(N, dtype=object)
    text[:] = [
        bytes(rng.integers(97, 123, 40, dtype=np.uint8)) + (b" copyright" if own else b"")
        for own in word
    ]
    truth = rng.random(N) < 1 / (1 + np.exp(3 - 3 * word - 2 * feature))
    study = make_study({"surface.one": feature}, truth, cluster=np.arange(N) // 2)
    return replace(study, text=text)


def area(study, model, columns=("surface.one",)):
    candidate = Candidate("text", "m", model, columns, "test")
    prediction = cross_fit(candidate, study).prediction
    return roc_auc_score(study.truth, prediction)


def test_it_ranks_better_than_either(study):
    both = area(study, Stacked)
    assert both > max(area(study, NGrams, ()), area(study, Boosting)) + 0.02


def test_the_trees_are_told_what_regressions_say_of_rows_that_they_have_not_seen(
    study, monkeypatch
):
    told = {}

    def noted(rows, seed):
        told["rows"] = rows
        return trained(rows, seed)

    trained = Boosting.train
    monkeypatch.setattr(Boosting, "train", noted)
    Stacked.fit(study, np.arange(N), np.random.default_rng(0))
    odds = told["rows"].features[COLUMN].to_numpy()
    for fold in range(4):
        own = study.fold == fold
        # Whatever the rows of a fold are, the regression of the others says the same of them.
        flipped = replace(study, truth=np.where(own, ~study.truth, study.truth))
        model = NGrams.regressed(flipped.take(~own), 0.01)
        expected = model.predict(study, own)
        assert np.corrcoef(odds[own], expected)[0, 1] > 0.9


def test_rows_of_one_fold_or_of_one_class_in_a_part_are_fitted_too(study):
    one = study.take(study.fold == 1)
    model = Stacked.fit(one, np.arange(len(one)), np.random.default_rng(0))
    assert np.isfinite(model.predict(study, study.fold == 0)).all()
    # All of the memorized are in one fold: the others' regressions would see one class.
    alone = replace(study, truth=study.truth & (study.fold == 2))
    model = Stacked.fit(alone, np.arange(N), np.random.default_rng(0))
    assert np.isfinite(model.predict(alone, np.arange(N))).all()


def test_a_fit_repeats_and_only_relative_weights_matter(study):
    own = study.take(np.arange(200))
    first, again, heavy = (
        Stacked.fit(given, np.arange(200), np.random.default_rng(0)).predict(own, np.arange(200))
        for given in (own, own, replace(own, weight=1000 * own.weight))
    )
    np.testing.assert_array_equal(first, again)
    np.testing.assert_allclose(first, heavy, rtol=1e-4)


def test_it_is_reported_for_text_alone():
    tiers = {"text": ("surface.one",), "corpus": ("surface.one", "duplication.sequence_count")}
    assert MODELS["stacked"].columns(tiers) == {"text": ("surface.one",)}
    assert MODELS["stacked"].columns({"corpus": ()}) == {}
