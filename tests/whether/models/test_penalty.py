"""The penalty of a logistic regression: chosen by the folds of its training rows."""

import numpy as np
import pytest
from made_up_study import make_study
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import QuantileTransformer, StandardScaler

from memorization.evaluation import penalty as evaluation_penalty
from memorization.whether.models import logistic
from memorization.whether.models.logistic import Logistic


def made_up(n, n_columns, strength, seed=0):
    """Independent columns, of which the first alone matters; folds and weights at random."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, n_columns))
    truth = rng.random(n) < 1 / (1 + np.exp(1.5 - strength * x[:, 0]))
    features = {f"a.x{k}": x[:, k] for k in range(n_columns)}
    weight, fold = rng.random(n) + 0.5, rng.integers(0, 4, size=n)
    return make_study(features, truth, weight=weight, fold=fold)


def choose_c(study):
    return logistic.choose_c(study, logistic.GRID, logistic.DEFAULT, logistic._known, seed=0)


def losses(study):
    """Weighted log loss by C over the folds, by scikit-learn alone."""
    scores = QuantileTransformer(n_quantiles=100, output_distribution="normal", subsample=None)
    known = make_pipeline(scores, StandardScaler()).fit_transform(study.features)
    found = []
    for c in logistic.GRID:
        probability = np.empty(len(study))
        for test in np.unique(study.fold):
            train = study.fold != test
            model = LogisticRegression(C=c, tol=1e-8, max_iter=9999)
            scaled = study.weight[train] / study.weight.mean()
            model.fit(known[train], study.truth[train], sample_weight=scaled)
            probability[~train] = model.predict_proba(known[~train])[:, 1]
        found.append(log_loss(study.truth, probability, sample_weight=study.weight))
    return found


@pytest.mark.parametrize(("n_columns", "strength"), [(1, 2.0), (30, 0.5), (150, 1.0)])
def test_it_is_that_of_the_least_loss_over_the_folds(n_columns, strength):
    study = made_up(300, n_columns, strength)
    expected = logistic.GRID[int(np.argmin(losses(study)))]
    assert choose_c(study) == expected
    fitted = Logistic.train(study, seed=0)
    assert fitted.chosen == {"C": expected}
    assert fitted.estimator.named_steps["classify"].get_params()["C"] == expected


def test_a_text_does_not_judge_what_was_fitted_to_it():
    """Copies with labels of their own: to random folds, learning them by heart looks like skill."""
    rng = np.random.default_rng(1)
    text = np.repeat(np.arange(60), 8)
    x, truth = rng.normal(size=(60, 40))[text], (rng.random(60) < 0.4)[text]
    features = {f"a.x{k}": x[:, k] for k in range(40)}
    leaky = make_study(
        features, truth, cluster=text, fold=text % 5, fold_random=rng.integers(0, 5, 480)
    )
    assert choose_c(leaky) < choose_c(leaky.refolded("fold_random"))


def test_large_samples_choose_on_fewer_rows(monkeypatch):
    study = made_up(3000, 20, 1.0)
    seen = []
    path = evaluation_penalty._path

    def noted(known, truth, weight, others, grid, solver):
        seen.append((len(known) + len(others), weight.sum()))
        return path(known, truth, weight, others, grid, solver)

    monkeypatch.setattr(logistic, "LARGEST", 400)
    monkeypatch.setattr(evaluation_penalty, "_path", noted)
    first, again = (Logistic.train(study, seed=5) for _ in range(2))
    # They stand for all, so that a penalty is as strong beside them as it will be.
    assert [n for n, _ in seen] == [400] * 8
    assert sum(weight for _, weight in seen) == pytest.approx(2 * 3 * 3000)
    assert first.chosen == again.chosen
    found = [model.probability(study.features) for model in (first, again)]
    np.testing.assert_array_equal(*found)


def test_without_two_folds_to_compare_nothing_is_chosen():
    study = made_up(100, 2, 1.0)

    def chosen(fold):
        return choose_c(make_study(study.features, study.truth, fold=fold))

    assert chosen(np.zeros(100, int)) == logistic.DEFAULT
    # Outside the one fold with cases there are none.
    assert chosen(study.truth.astype(int)) == logistic.DEFAULT
    # A fold whose others are of one class is not judged, the others are.
    few = np.where(study.truth, 0, np.where(study.fold == 0, 1, study.fold))
    assert chosen(few) in logistic.GRID
