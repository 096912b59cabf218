import json
from pathlib import Path

import numpy as np
import pytest

from memorization.errors import UserError
from memorization.risk.dose import HUBBLE, Dose, Experiment, band_of, bands, own_experiment

RESULTS = Path(__file__).parents[2] / "results"
ARM = Experiment("an arm", (1e6, 1e6), (5e6, 5e6), low=60, value=66, high=72, slope=2.8)
COPIES = np.array([0, 1, 60, 66, 72, 500, np.nan])


def test_half_are_memorized_at_the_dose_that_the_experiment_found():
    low, value, high = Dose.of(ARM, 1.1e6, 4.7e6).risk(COPIES)
    assert value[3] == low[4] == high[2] == 0.5
    assert value[0] == low[0] == high[0] == 0
    assert (low[1:6] < value[1:6]).all()
    assert (value[1:6] < high[1:6]).all()
    assert np.isnan([low[6], value[6], high[6]]).all()
    # 2.8 log-odds a doubling.
    assert np.log(value[5] / (1 - value[5])) == pytest.approx(2.8 * np.log2(500 / 66))


@pytest.mark.parametrize(
    ("sizes", "experiments", "ends"),
    [
        ((None, None), (ARM, HUBBLE), (60, 256)),  # any model
        ((3e7, 1e9), (ARM, HUBBLE), (60, 256)),  # between the two
        ((7e9, 3e11), (HUBBLE,), (64, 256)),
    ],
)
def test_other_models_get_a_range_and_no_probability(sizes, experiments, ends):
    dose = Dose.of(ARM, *sizes)
    low, value, high = dose.risk(np.array(ends, float))
    assert dose.experiments == experiments
    assert np.isnan(value).all()
    assert low[1] == high[0] == 0.5


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ((1e9, None), "--training-tokens: missing"),
        ((None, 1e9), "--parameters: missing"),
        ((0, 1e9), "--parameters 0: must be a positive number"),
        ((1e9, float("nan")), "--training-tokens nan: must be a positive number"),
    ],
)
def test_sizes_of_no_use(sizes, message):
    with pytest.raises(UserError, match=message):
        Dose.of(ARM, *sizes)


def test_the_own_experiment_is_that_of_the_results():
    seeds = json.loads((RESULTS / "metrics/seeds.json").read_text())
    own = own_experiment(RESULTS)
    assert own.value == seeds["arm"]["ed50"]["value"]
    assert own.low < own.value < own.high
    # The name tells the size of the target, as the suite counts it.
    assert own.parameters[0] == pytest.approx(1.1e6, rel=0.05)
    assert own.tokens == (16 * 2288 * 128,) * 2
    rates = bands(RESULTS)
    assert list(rates) == ["1", "2-4", "5-19", "20-49", "50-99", "100+"]
    assert rates["1"]["value"] < rates["20-49"]["value"] < rates["100+"]["value"]


def test_without_results_it_is_said_where_they_are(tmp_path):
    with pytest.raises(UserError, match=r"seeds.json: not found; --results names"):
        own_experiment(tmp_path)


def test_bands_of_copies():
    found = band_of(np.array([0, 1, 4, 5, 99, 1e6, np.nan]))
    assert found.tolist() == ["0", "1", "2-4", "5-19", "50-99", "100+", None]
