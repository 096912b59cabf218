import json

import numpy as np
import pandas as pd
import pytest
from made_up_arm import histories, natural_texts, outcomes_table

from memorization.arm.analyse import analyse, by_cell
from memorization.arm.intervals import mean, wilson
from memorization.files import write_metrics


def test_metrics_are_of_all_cells_and_can_be_written(tmp_path):
    units = outcomes_table()
    found = analyse(
        units, histories(units), natural_texts(), None, {}, 96, 0.95, np.random.default_rng(0)
    )
    assert found["units"] == len(units) == 8 * 13 + 4
    assert len(found["cells"]) == 14
    assert found["cells"]["256"]["n"] == 4
    assert 32 < found["ed50"]["low"] < found["ed50"]["value"] < found["ed50"]["high"] < 256
    write_metrics(found, tmp_path / "arm.json")
    read = json.loads((tmp_path / "arm.json").read_text())
    assert set(read) == {
        "units", "blocks", "cells", "ed50", "contrasts", "gap", "text_matters",
        "timing", "over_time", "tested", "experiment",
    }  # fmt: skip
    alone = analyse(units, histories(units), None, None, {}, 96, 0.95, np.random.default_rng(0))
    assert alone["gap"] is None


def test_by_cell_is_what_the_table_holds():
    units = outcomes_table()
    for cell, found in by_cell(units, 0.95).items():
        own = units[units["cell"] == cell]
        assert (found["dose"], found["n"]) == (own["dose"].iloc[0], len(own))
        assert found["memorized"] == wilson(own["memorized"].mean(), len(own), 0.95)
        assert found["logprob"] == mean(own["logprob"].to_numpy(), 0.95)


def test_seeds_are_pooled_by_putting_their_tables_together():
    one, other = outcomes_table(0), outcomes_table(1).assign(block=lambda t: t["block"] + 8)
    both = pd.concat([one, other], ignore_index=True)
    found = analyse(both, histories(both), None, None, {}, 96, 0.95, np.random.default_rng(0))
    assert found["blocks"] == 16
    assert found["cells"]["64"]["n"] == 16
    assert found["contrasts"]["logprob"]["early"]["blocks"] == 16
    alone = analyse(one, histories(one), None, None, {}, 96, 0.95, np.random.default_rng(0))["ed50"]
    width = [np.log(e["high"] / e["low"]) for e in (found["ed50"], alone)]
    assert width[0] < width[1]
    assert found["ed50"]["value"] == pytest.approx(alone["value"], rel=0.3)
