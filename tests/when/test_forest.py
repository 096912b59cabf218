import numpy as np
import pytest
from sksurv.ensemble import RandomSurvivalForest
from sksurv.util import Surv

from memorization.when.groups import Groups
from memorization.when.models import forest
from memorization.when.models.forest import Forest


def test_agrees_with_scikit_survival(sample):
    features = sample.features.copy()
    features.iloc[:30, 1] = np.nan
    model = Forest.fit(features, sample.targets, sample.weight, 3, 1)

    x = Groups.fit(features).transform(features)
    direct = RandomSurvivalForest(
        forest.N_TREES,
        min_samples_leaf=forest.LEAF,
        max_features="sqrt",
        max_samples=int(sample.weight.sum()),
        random_state=3,
    )
    outcome = Surv.from_arrays(sample.targets.event, sample.targets.time)
    direct.fit(x, outcome, sample_weight=sample.weight)
    expected = direct.predict_survival_function(x, return_array=True)
    assert direct.unique_times_.tolist() == list(range(1, 13))
    # The curves are kept in single precision.
    np.testing.assert_allclose(model.survival(features), expected, atol=1e-6)


def test_threads_change_nothing(sample):
    args = sample.features, sample.targets, sample.weight, 0
    one, two = Forest.fit(*args, 1), Forest.fit(*args, 2)
    np.testing.assert_array_equal(one.survival(sample.features), two.survival(sample.features))


def test_checkpoints_that_nobody_leaves_at_repeat_the_curve(sample):
    doubled = type(sample.targets)(2 * sample.targets.time, sample.targets.event, 24)
    args = sample.weight, 0, 1
    sparse = Forest.fit(sample.features, doubled, *args).survival(sample.features)
    dense = Forest.fit(sample.features, sample.targets, *args).survival(sample.features)
    np.testing.assert_array_equal(sparse[:, 0], 1)
    np.testing.assert_array_equal(sparse[:, 1::2], dense)
    np.testing.assert_array_equal(sparse[:, 2::2], dense[:, :-1])


def test_weights_move_it_to_the_population(sample):
    survival = Forest.fit(sample.features, sample.targets, sample.weight, 0, 1).survival
    expected = np.average(survival(sample.features)[:, -1], weights=sample.weight)
    observed = np.average(~sample.targets.event, weights=sample.weight)
    assert expected == pytest.approx(observed, abs=0.03)
    assert abs(observed - np.mean(~sample.targets.event)) > 0.1
