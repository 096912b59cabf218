"""The experiment in time: against lifelines, and by hand."""

import numpy as np
import pandas as pd
import pytest
from lifelines import LogLogisticAFTFitter

from memorization.arm import onset
from memorization.study import Histories

STEPS = 10 * np.arange(1, 41)


def test_acceleration_is_that_of_lifelines(made_up):
    units, histories, _ = made_up
    found = onset.timing(units, histories, 0.9)
    rows = ((units["schedule"] == "random") & (units["dose"] > 0)).to_numpy()
    ever = histories.memorized[rows].any(axis=1)
    first = histories.memorized[rows].argmax(axis=1)
    parts = np.r_[1e-6, STEPS / 400]
    frame = pd.DataFrame({"x": np.log2(units["dose"][rows].to_numpy(float))})
    frame["low"] = np.where(ever, parts[first], 1.0)
    frame["high"] = np.where(ever, parts[first + 1], np.inf)
    direct = LogLogisticAFTFitter(alpha=0.1).fit_interval_censoring(frame, "low", "high")
    row = direct.summary.loc[("alpha_", "x")]
    assert found["acceleration"]["value"] == pytest.approx(row["exp(coef)"])
    assert found["acceleration"]["low"] == pytest.approx(row["exp(coef) lower 90%"])
    # More copies come sooner and raise the hazard.
    assert found["acceleration"]["high"] < 1 < found["hazard"]["low"]


def test_onsets_are_counted_in_steps_and_copies(made_up):
    units, histories, _ = made_up
    found = onset.timing(units, histories, 0.95)["onset"]
    assert "0" not in found
    rows = np.flatnonzero(units["cell"] == "128")
    ever = histories.memorized[rows].any(axis=1)
    assert found["128"]["ever"] == ever.sum() > 25
    first = histories.memorized[rows].argmax(axis=1)
    copies = np.where(ever, histories.seen[rows, first], np.inf)
    assert found["128"]["copies"] == np.sort(copies)[len(rows) // 2 - 1]
    steps = np.where(ever, STEPS[first], np.inf)
    assert found["128"]["step"] == np.sort(steps)[len(rows) // 2 - 1]
    assert found["128"]["steps"] == np.sort(steps[ever]).tolist()


def test_memory_is_lost_after_the_last_copy(made_up):
    units, histories, _ = made_up
    loss = onset.timing(units, histories, 0.95)["loss"]["early"]
    after = np.searchsorted(STEPS, 80)
    rows = np.flatnonzero(units["cell"] == "early")
    assert 0 < loss["n"] <= histories.memorized[rows, after - 1 :].any(axis=1).sum()
    assert loss["steps"] is None or 0 < loss["steps"] < 320


def test_schedules_never_tried_are_told_from_the_experiment(made_up):
    units, histories, _ = made_up
    found = onset.experiment(units, histories, 64, 0.95)
    assert set(found["effects"]) == {"first", "again", "loss"}
    what_if = found["what_if"]
    assert what_if["many"]["copies"] == 128
    assert what_if["few"]["copies"] == 8
    assert what_if["many"]["end"] > what_if["even"]["end"] > what_if["few"]["end"]
    assert what_if["late"]["end"] > what_if["early"]["end"]
    assert what_if["early"]["half_life"] is not None
    for of in what_if.values():
        assert 0 <= of["durable"] <= of["end"] <= of["ever"] <= 1


def test_too_few_onsets_are_no_regression(made_up):
    units, histories, _ = made_up
    nothing = Histories(
        np.zeros_like(histories.memorized), histories.observed, STEPS, histories.seen
    )
    found = onset.timing(units, nothing, 0.95)
    assert found["acceleration"] is None
    assert found["hazard"] is None
    assert found["onset"]["128"] == {
        "n": 30, "ever": 0, "steps": [], "step": None, "copies": None,
    }  # fmt: skip
