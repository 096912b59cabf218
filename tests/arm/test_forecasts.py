"""What models of natural texts expect of units, against the truth that made them."""

import numpy as np
import pytest

from memorization.arm import forecasts
from memorization.intensities.forward import Forecast


def test_the_truth_is_what_is_observed_and_beats_a_guess(made_up):
    units, histories, truth = made_up
    guess = Forecast.of(np.full_like(truth.survival, 0.5), np.full_like(truth.memorized, 0.5))
    found = forecasts.tested(units, histories, {"guess": guess, "truth": truth}, 0.99)
    for cell in found["truth"]["cells"].values():
        for of in cell.values():
            assert abs(of["difference"]["value"]) < 0.3
            assert of["difference"]["low"] <= of["difference"]["value"] <= of["difference"]["high"]
            assert of["difference"]["value"] == pytest.approx(of["observed"] - of["expected"])
    assert "saved" not in found["guess"]
    assert found["guess"]["brier"]["ever"]["value"] == pytest.approx(0.25)
    for name, of in found["truth"]["saved"].items():
        gain = found["guess"]["brier"][name]["value"] - found["truth"]["brier"][name]["value"]
        assert of["value"] == pytest.approx(gain)
        assert of["low"] > 0


def test_without_models_nothing_is_tested(made_up):
    units, histories, _ = made_up
    assert forecasts.tested(units, histories, {}, 0.95) == {}
