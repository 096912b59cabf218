"""A made-up experiment whose chances of onset and loss are known."""

import numpy as np
import pandas as pd
import pytest
from made_up_histories import chances, drawn

from memorization.intensities.clock import planned
from memorization.intensities.forward import forward
from memorization.study import Histories

STEPS = 10 * np.arange(1, 41)
DOSES = (0, 4, 16, 64, 128)


@pytest.fixture(scope="module")
def made_up():
    rng = np.random.default_rng(0)
    rows = []
    for block in range(30):
        for dose in DOSES:
            rows.append((block, str(dose), dose, "random", np.sort(rng.integers(1, 401, dose))))
        early, late = rng.integers(1, 81, 64), rng.integers(321, 401, 64)
        rows.append((block, "early", 64, "early", np.sort(early)))
        rows.append((block, "late", 64, "late", np.sort(late)))
    units = pd.DataFrame(rows, columns=["block", "cell", "dose", "schedule", "exposure_steps"])
    plan = planned(list(units["exposure_steps"]), STEPS)
    own = chances(plan.seen, np.zeros(len(units)), STEPS)
    memorized = drawn(own, rng)
    units["memorized"] = memorized[:, -1]
    histories = Histories(memorized, np.ones(memorized.shape, bool), STEPS, plan.seen)
    truth = forward(own["first"][:, :, 0], own["again"], own["loss"])
    return units, histories, truth
