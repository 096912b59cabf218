from dataclasses import replace

import numpy as np
import pytest
from made_up_study import from_the_start
from sksurv.ensemble import RandomSurvivalForest
from sksurv.util import Surv

from memorization.intensities.covariates import Groups
from memorization.when.models import forest
from memorization.when.models.forest import Forest


class Fixed:
    """A stream whose one number is known."""

    def __init__(self, seed):
        self.seed = seed

    def integers(self, most):
        return self.seed


@pytest.fixture(autouse=True)
def few_trees(monkeypatch):
    monkeypatch.setattr(forest, "N_TREES", 20)


def test_agrees_with_scikit_survival(study):
    features = study.features.copy()
    features.iloc[:30, 1] = np.nan
    model = Forest.train(replace(study, features=features), Fixed(3))

    x = Groups.fit(features).transform(features)
    direct = RandomSurvivalForest(
        forest.N_TREES,
        min_samples_leaf=forest.LEAF,
        max_features="sqrt",
        max_samples=int(study.weight.sum()),
        random_state=3,
    )
    outcome = Surv.from_arrays(study.times.event, study.times.time)
    direct.fit(x, outcome, sample_weight=study.weight)
    expected = direct.predict_survival_function(x, return_array=True)
    assert direct.unique_times_.tolist() == list(range(1, 13))
    # The curves are kept in single precision.
    np.testing.assert_allclose(
        model.forecast(replace(study, features=features)).survival, expected, atol=1e-6
    )


def test_checkpoints_that_nobody_leaves_at_repeat_the_curve(study):
    doubled = replace(study, targets=from_the_start(2 * study.times.time, study.times.event, 24))
    sparse, dense = (
        Forest.train(rows, Fixed(0)).forecast(study).survival for rows in (doubled, study)
    )
    np.testing.assert_array_equal(sparse[:, 0], 1)
    np.testing.assert_array_equal(sparse[:, 1::2], dense)
    np.testing.assert_array_equal(sparse[:, 2::2], dense[:, :-1])
