import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingRegressor
from threadpoolctl import threadpool_limits

from memorization.study.targets import Targets
from memorization.when.groups import Groups
from memorization.when.models import hazard_boosting
from memorization.when.models.hazard_boosting import HazardBoosting, _grown
from memorization.when.models.kaplan_meier import kaplan_meier


def test_trees_agree_with_scikit_learn(sample):
    x = np.random.default_rng(0).normal(size=(400, 3))
    x[:40, 1] = np.nan
    y = np.random.default_rng(1).poisson(np.exp(np.nan_to_num(x[:, 0])))
    model = HistGradientBoostingRegressor(loss="poisson", max_iter=20, early_stopping=False)
    model.fit(x, y)
    trees, values = _grown(model)
    logs = sum(values[trees.leaves(x, tree)] for tree in range(len(trees.root)))
    start = model._baseline_prediction.item()
    np.testing.assert_allclose(np.exp(start + logs), model.predict(x), rtol=1e-12)


def test_censored_rows_tell_the_hazard_that_drew_the_data(make_sample):
    some = make_sample(20_000, seed=4, leaving=True)
    weight = np.ones(len(some.targets))
    survival = HazardBoosting.fit(some.features, some.targets, weight, 0, 1).survival(some.features)
    marginal = kaplan_meier(some.targets, weight)
    error, ignorant = np.abs(survival - some.truth), np.abs(marginal - some.truth)
    assert error.mean() < ignorant.mean() / 4
    assert (survival - some.truth).mean() == pytest.approx(0, abs=0.02)


def test_effects_may_change_over_time():
    # Who is repeated is memorized early, who is not is memorized late: hazards that cross.
    rng = np.random.default_rng(0)
    early = rng.random(2000) < 0.5
    time = np.where(early, rng.integers(1, 6, 2000), rng.integers(6, 11, 2000))
    targets = Targets(time, np.ones(2000, bool), 10)
    features = pd.DataFrame({"repetition.early": early.astype(float)})
    survival = HazardBoosting.fit(features, targets, np.ones(2000), 0, 1).survival(features)
    assert survival[early, 4].max() < 0.15
    assert survival[~early, 4].min() > 0.85


def test_threads_and_repetition_change_nothing(sample, monkeypatch):
    monkeypatch.setattr(hazard_boosting, "N_TREES", 10)
    args = sample.features, sample.targets, sample.weight, 0
    once = HazardBoosting.fit(*args, 1).survival(sample.features)
    with threadpool_limits(2):
        twice = HazardBoosting.fit(*args, 2).survival(sample.features)
    np.testing.assert_array_equal(once, twice)


def test_groups_keep_order_and_missing_values(sample):
    features = sample.features.copy()
    features.iloc[:5, 1] = np.nan
    groups = Groups.fit(features)
    x = groups.transform(features)
    assert np.isnan(x[:5, 1]).all()
    known = features.iloc[5:, 1].to_numpy()
    assert (np.diff(x[5:, 1][np.argsort(known)]) >= 0).all()
    sizes = np.bincount(x[5:, 1].astype(int), minlength=32)
    assert sizes.min() >= len(known) // 32 - 1
