import numpy as np

from memorization.arm.runs import compare_runs


def test_what_became_of_the_same_units_in_other_runs():
    dose = np.repeat([0, 4, 64], 8)
    runs = {
        "even": dose == 64,
        "early": np.zeros(24, bool),
        "late": (dose == 64) | (np.arange(24) == 8),
    }
    found = compare_runs(dose, runs, "even", 0.95)
    assert found["even"]["less_target"] is None
    assert found["early"]["ed50"] is None
    assert 4 < found["late"]["ed50"]["value"] < found["even"]["ed50"]["value"] < 64
    assert [found["late"]["memorized"][d]["value"] for d in ("0", "4", "64")] == [0, 1 / 8, 1]
    less = {dose: of["value"] for dose, of in found["late"]["less_target"].items()}
    assert less == {"0": 0, "4": 1 / 8, "64": 0}
    assert found["early"]["less_target"]["64"]["high"] == -1
