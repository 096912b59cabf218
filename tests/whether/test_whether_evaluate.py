import numpy as np
import pandas as pd
import pytest

from memorization.evaluation.metrics.decision import best_f1_threshold
from memorization.whether.baselines import prevalence
from memorization.whether.evaluate import candidates, cross_fit, fit_rows, out_of_fold
from memorization.whether.models import MODELS


class Recorder:
    """A model that notes the rows of every fit, and knows a row only if it was fitted to it."""

    def __init__(self):
        self.fits = []

    def __call__(self, features, truth, weight, fold, seed):
        rows = features["a.row"].to_numpy().astype(int)
        self.fits.append(frozenset(rows.tolist()))
        known = dict(zip(rows.tolist(), truth.tolist(), strict=True))
        return type("Lookup", (), {"predict": lambda _, x: lookup(known, x)})()


def lookup(known, features):
    return np.array([0.9 if known.get(int(row)) else 0.1 for row in features["a.row"]])


@pytest.fixture
def sample():
    rng = np.random.default_rng(0)
    n = 120
    features = pd.DataFrame({"a.row": np.arange(n) * 1.0, "a.x": rng.normal(size=n)})
    truth = rng.random(n) < 0.3
    features["a.x"] += truth
    return features, truth, rng.random(n) + 0.5, rng.integers(0, 4, size=n)


def test_two_folds_leave_no_rows_to_choose_a_threshold_from(sample):
    features, truth, weight, fold = sample
    with pytest.raises(ValueError, match="no rows to fit to"):
        cross_fit(MODELS["logistic"], features, truth, weight, fold % 2, 0)


def test_no_row_is_scored_by_a_model_that_saw_its_fold(sample):
    features, truth, weight, fold = sample
    result = cross_fit(Recorder(), features, truth, weight, fold, 0)
    # The look-up table knows every row that it was fitted to: it must have known none.
    np.testing.assert_array_equal(result.probability, np.full(len(truth), 0.1))


def test_rows_of_the_fits(sample):
    features, truth, weight, fold = sample
    model = Recorder()
    cross_fit(model, features, truth, weight, fold, 0)
    rows_of = {k: set(np.flatnonzero(fold == k).tolist()) for k in range(4)}
    every = set(range(len(truth)))
    outer = {frozenset(every - rows_of[k]) for k in range(4)}
    inner = {frozenset(every - rows_of[k] - rows_of[m]) for k in range(4) for m in range(k)}
    assert set(model.fits) == outer | inner
    assert len(model.fits) == 4 + 6


@pytest.mark.parametrize("name", MODELS)
def test_labels_of_a_fold_change_neither_its_predictions_nor_its_threshold(name, sample):
    features, truth, weight, fold = sample
    features = features[["a.x"]]
    before = cross_fit(MODELS[name], features, truth, weight, fold, 0)
    changed = np.where(fold == 2, ~truth, truth)
    after = cross_fit(MODELS[name], features, changed, weight, fold, 0)
    assert before.threshold[2] == after.threshold[2]
    test = fold == 2
    np.testing.assert_array_equal(before.probability[test], after.probability[test])
    np.testing.assert_array_equal(before.decision[test], after.decision[test])
    # The other folds do learn from it.
    assert (before.probability[~test] != after.probability[~test]).any()


def test_threshold_is_that_of_a_nested_cross_validation(sample):
    features, truth, weight, fold = sample
    features, fit = features[["a.x"]], MODELS["logistic"]
    result = cross_fit(fit, features, truth, weight, fold, 0)
    for k in range(4):
        train = fold != k
        inner = out_of_fold(fit, features[train], truth[train], weight[train], fold[train], 0)
        expected = best_f1_threshold(truth[train], inner, weight[train])
        assert result.threshold[k] == pytest.approx(expected, rel=1e-9)
        np.testing.assert_array_equal(
            result.decision[~train], result.probability[~train] >= result.threshold[k]
        )


def test_training_rows_of_one_class_predict_it(sample):
    features, truth, weight, fold = sample
    for value in (False, True):
        fitted = fit_rows(MODELS["logistic"], features, truth, weight, fold, truth == value, 0)
        np.testing.assert_array_equal(fitted.predict(features), np.full(len(truth), float(value)))


def test_candidates_by_tier():
    columns = {
        "text": ["repetition.longest_run"],
        "corpus": ["repetition.longest_run", "duplication.sequence_count"],
        "reference": ["repetition.longest_run", "duplication.sequence_count"],
    }
    found = [(c.tier, c.model, len(c.columns)) for c in candidates(columns, {"m": prevalence})]
    # The reference tier adds no column, and no sibling is known.
    assert found == [
        ("text", "prevalence", 0),
        ("text", "m", 1),
        ("corpus", "duplicate_count", 1),
        ("corpus", "m", 2),
    ]
    assert candidates({"text": []}, {"m": prevalence})[0].model == "prevalence"
    assert len(candidates({"text": []}, {"m": prevalence})) == 1
