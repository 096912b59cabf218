import numpy as np
import pandas as pd
import pytest
from made_up_arm import natural_texts, outcomes_table
from made_up_histories import made_up_study

from memorization.arm.gap import COVARIATES, PERCENTS, gaps, over_time, standard_weights
from memorization.arm.intervals import wilson
from memorization.strata import CONTINUATIONS


def covariates(surprisal, compressibility, weight=1.0):
    frame = pd.DataFrame(dict(zip(COVARIATES, (surprisal, compressibility), strict=True)))
    return frame.assign(weight=weight).astype(float)


def test_weights_give_natural_texts_the_units_covariates():
    units = covariates([1, 2, 3, 4], [1, 3, 2, 4])
    natural = covariates([1, 1.5, 2, 3.5, 4, 9], [1, 1.2, 4, 1, 3, 3])
    weight, overlap = standard_weights(units, natural)
    # By medians of 2.5: one unit in each part, and two, one, one, one sequences; one is too far.
    assert weight.tolist() == pytest.approx([1 / 8, 1 / 8, 1 / 4, 1 / 4, 1 / 4, 0])
    assert overlap == 1


def test_units_without_natural_texts_like_them_do_not_count():
    units = covariates([1, 2, 3, 4], [1, 3, 2, 4])
    weight, overlap = standard_weights(units, covariates([1, 3], [1, 1], weight=[3, 5]))
    assert weight.tolist() == pytest.approx([0.5, 0.5])
    assert overlap == 0.5
    weight, overlap = standard_weights(units, covariates([7], [1]))
    assert (weight.tolist(), overlap) == ([0], 0)


def test_a_gap_is_the_experiment_less_natural_texts_of_equal_count():
    units, natural = outcomes_table(), natural_texts()
    found = gaps(units, natural, 0.95)
    assert list(found) == ["4", "8", "16", "32", "64", "96", "128", "256"]
    for dose, result in found.items():
        own = units[(units["cell"] == dose)]
        near = natural[natural["count"].between(int(dose) / 2**0.5, int(dose) * 2**0.5)]
        assert result["experiment"]["n"] == len(own)
        assert result["experiment"]["value"] == own["memorized"].mean()
        assert result["natural"]["value"] == pytest.approx(near["memorized"].mean())
        assert result["natural"]["n"] == len(near)
        assert result["natural"]["clusters"] <= near["cluster"].nunique()
        expected = result["experiment"]["value"] - result["standardized"]["value"]
        assert result["gap"]["value"] == pytest.approx(expected)
        assert result["gap"]["low"] <= expected <= result["gap"]["high"]
    # Memorized from 100 on whatever the text: standardised or not, it is the same.
    assert found["32"]["standardized"]["value"] == 0
    assert found["256"]["standardized"]["value"] == 1
    assert found["256"]["overlap"] == 1


def test_what_hangs_on_a_covariate_goes_with_standardisation():
    units, natural = outcomes_table(), natural_texts(n=40_000)
    middle = units.loc[units["cell"] == "64", "compressibility"].median()
    natural["memorized"] = natural["compressibility"] > middle
    result = gaps(units, natural, 0.95)["64"]
    assert result["natural"]["value"] < 0.45
    assert result["standardized"]["value"] == pytest.approx(0.5, abs=1e-9)


def test_rows_of_one_cluster_are_worth_one_text():
    units, natural = outcomes_table(), natural_texts(clusters=1)
    result = gaps(units, natural, 0.95)["256"]
    assert result["natural"]["clusters"] == pytest.approx(1)
    expected = wilson(1.0, 1, 0.95)
    assert result["natural"]["low"] == pytest.approx(expected["low"])


def test_no_natural_texts_is_no_gap():
    natural = natural_texts()
    result = gaps(outcomes_table(), natural[natural["count"] < 50], 0.95)["256"]
    assert np.isnan(result["gap"]["value"])
    assert result["natural"]["n"] == 0
    assert result["overlap"] == 0


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
