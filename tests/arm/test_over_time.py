"""The experiment beside natural texts at each part of training, by hand."""

import numpy as np
import pytest
from made_up_histories import made_up_study

from memorization.arm.intervals import wilson
from memorization.arm.over_time import PERCENTS, over_time
from memorization.strata import CONTINUATIONS


def test_shares_are_those_of_the_dose_and_of_texts_that_occur_as_often(made_up):
    units, histories, _ = made_up
    followed, _ = made_up_study(400, 3, c=len(histories.steps))
    found = over_time(units, histories, followed, 0.95)
    assert list(found) == ["4", "16", "64", "128"]
    assert list(found["16"]) == [str(percent) for percent in PERCENTS]
    rows = ((units["schedule"] == "random") & (units["dose"] == 64)).to_numpy()
    at = 19
    own = histories.memorized[rows, at]
    assert found["64"]["50"]["experiment"] == wilson(own.mean(), 30, 0.95) | {"n": 30}
    count = followed.features[CONTINUATIONS].to_numpy()
    near = (count >= 64 / 2**0.5) & (count < 64 * 2**0.5)
    states, weight = followed.histories.memorized[near, at], followed.weight[near]
    natural = found["64"]["50"]["natural"]
    assert natural["value"] == pytest.approx(np.average(states, weights=weight))
    assert natural["n"] == near.sum() > natural["clusters"]


def test_the_experiment_alone_stands_alone(made_up):
    units, histories, _ = made_up
    found = over_time(units, histories, None, 0.95)
    assert all(set(of) == {"experiment"} for part in found.values() for of in part.values())
