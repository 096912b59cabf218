"""The penalty of the logistic regression: chosen by the folds of its training rows."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from memorization.whether.models import logistic


def sample(n, n_columns, strength, seed=0):
    """Independent columns, of which the first alone matters; folds and weights at random."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, n_columns))
    truth = rng.random(n) < 1 / (1 + np.exp(1.5 - strength * x[:, 0]))
    features = pd.DataFrame(x, columns=[f"a.x{k}" for k in range(n_columns)])
    return features, truth, rng.random(n) + 0.5, rng.integers(0, 4, size=n)


def losses(features, truth, weight, fold):
    """Weighted log loss by C over the folds, by scikit-learn alone."""
    found = []
    for c in logistic.GRID:
        probability = np.empty(len(truth))
        for test in np.unique(fold):
            train = fold != test
            model = make_pipeline(
                StandardScaler(), LogisticRegression(C=c, tol=1e-8, max_iter=9999)
            )
            scaled = weight[train] / weight[train].mean()
            model.fit(features[train], truth[train], logisticregression__sample_weight=scaled)
            probability[~train] = model.predict_proba(features[~train])[:, 1]
        found.append(log_loss(truth, probability, sample_weight=weight))
    return found


@pytest.mark.parametrize(("n_columns", "strength"), [(1, 2.0), (30, 0.5), (150, 1.0)])
def test_it_is_that_of_the_least_loss_over_the_folds(n_columns, strength):
    rows = sample(300, n_columns, strength)
    expected = logistic.GRID[int(np.argmin(losses(*rows)))]
    assert logistic.choose_c(*rows, seed=0) == expected
    fitted = logistic.fit(*rows, seed=0)
    assert fitted.chosen == {"C": expected}
    assert fitted.estimator.named_steps["classify"].get_params()["C"] == expected


def test_many_columns_of_noise_are_held_down_more_than_one_that_matters():
    assert logistic.choose_c(*sample(300, 150, 0.0), seed=0) == logistic.GRID[0]
    assert logistic.choose_c(*sample(300, 1, 3.0), seed=0) >= 1


def test_a_text_does_not_judge_what_was_fitted_to_it():
    """Copies with labels of their own: to random folds, learning them by heart looks like skill."""
    rng = np.random.default_rng(1)
    text = np.repeat(np.arange(60), 8)
    features = pd.DataFrame(rng.normal(size=(60, 40))[text]).add_prefix("a.x")
    truth, weight = (rng.random(60) < 0.4)[text], np.ones(480)
    whole = logistic.choose_c(features, truth, weight, text % 5, seed=0)
    leaky = logistic.choose_c(features, truth, weight, rng.integers(0, 5, 480), seed=0)
    assert whole == logistic.GRID[0]
    assert leaky > whole


def test_large_samples_choose_on_fewer_rows(monkeypatch):
    rows = sample(3000, 20, 1.0)
    seen = []
    path = logistic._path
    monkeypatch.setattr(logistic, "LARGEST", 400)
    monkeypatch.setattr(logistic, "_path", lambda *a: seen.append(len(a[1])) or path(*a))
    first, again = (logistic.fit(*rows, seed=5) for _ in range(2))
    assert seen == [400] * 8
    assert first.chosen == again.chosen
    np.testing.assert_array_equal(first.predict(rows[0]), again.predict(rows[0]))


def test_without_two_folds_to_compare_nothing_is_chosen():
    features, truth, weight, fold = sample(100, 2, 1.0)
    assert logistic.choose_c(features, truth, weight, np.zeros(100, int), 0) == logistic.DEFAULT
    # Outside the one fold with cases there are none.
    assert logistic.choose_c(features, truth, weight, truth.astype(int), 0) == logistic.DEFAULT
    # A fold whose others are of one class is not judged, the others are.
    few = np.where(truth, 0, np.where(fold == 0, 1, fold))
    assert logistic.choose_c(features, truth, weight, few, 0) in logistic.GRID
