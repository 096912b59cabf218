from dataclasses import replace

import numpy as np
import pytest
from made_up_study import make_study, survival_study
from sklearn.ensemble import HistGradientBoostingRegressor

from memorization.study import Targets
from memorization.when.kaplan_meier import kaplan_meier
from memorization.when.models.hazard_boosting import HazardBoosting, _grown
from memorization.when.models.trees import Groups


def test_trees_agree_with_scikit_learn():
    x = np.random.default_rng(0).normal(size=(400, 3))
    x[:40, 1] = np.nan
    y = np.random.default_rng(1).poisson(np.exp(np.nan_to_num(x[:, 0])))
    model = HistGradientBoostingRegressor(loss="poisson", max_iter=20, early_stopping=False)
    model.fit(x, y)
    trees, values = _grown(model)
    logs = sum(values[trees.leaves(x, tree)] for tree in range(len(trees.root)))
    start = model._baseline_prediction.item()
    np.testing.assert_allclose(np.exp(start + logs), model.predict(x), rtol=1e-12)


def test_censored_rows_tell_the_hazard_that_drew_the_data():
    some, truth = survival_study(20_000, seed=4, leaving=True)
    some = replace(some, weight=np.ones(20_000))
    survival = HazardBoosting.train(some, 0).survival(some.features)
    marginal = kaplan_meier(some.times, some.weight)
    error, ignorant = np.abs(survival - truth), np.abs(marginal - truth)
    assert error.mean() < ignorant.mean() / 4
    assert (survival - truth).mean() == pytest.approx(0, abs=0.02)


def test_effects_may_change_over_time():
    # Who is repeated is memorized early, who is not is memorized late: hazards that cross.
    rng = np.random.default_rng(0)
    early = rng.random(2000) < 0.5
    time = np.where(early, rng.integers(1, 6, 2000), rng.integers(6, 11, 2000))
    targets = Targets(time, np.ones(2000, bool), 10)
    study = make_study({"repetition.early": early}, targets=targets)
    survival = HazardBoosting.train(study, 0).survival(study.features)
    assert survival[early, 4].max() < 0.15
    assert survival[~early, 4].min() > 0.85


def test_groups_keep_order_and_missing_values(study):
    features = study.features.copy()
    features.iloc[:5, 1] = np.nan
    groups = Groups.fit(features)
    x = groups.transform(features)
    assert np.isnan(x[:5, 1]).all()
    known = features.iloc[5:, 1].to_numpy()
    assert (np.diff(x[5:, 1][np.argsort(known)]) >= 0).all()
    sizes = np.bincount(x[5:, 1].astype(int), minlength=32)
    assert sizes.min() >= len(known) // 32 - 1
