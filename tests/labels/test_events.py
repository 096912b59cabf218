import numpy as np
import pandas as pd
import pytest

from memorization.labels.events import event_times, label_statistics
from memorization.tables import LABELS

STEPS = np.array([10, 20, 30, 40])
# never · at the first · lost and regained · memorized, then forgotten · at the last only
MATCH = np.array(
    [[0, 3, 31, 5], [32, 32, 32, 32], [4, 32, 0, 32], [32, 32, 1, 0], [0, 0, 0, 32]], dtype=np.int8
)
INDEX = np.array([2, 3, 5, 7, 11])


def test_hand_computed_table():
    table = event_times(INDEX, STEPS, MATCH)
    LABELS.validate(table)
    never = pd.NA
    expected = {
        "index": [2, 3, 5, 7, 11],
        "memorized": [False, True, True, False, True],
        "match_length": [5, 32, 32, 0, 32],
        "first_step": [never, 10, 20, 10, 40],
        "stable_step": [never, 10, 40, never, 40],
        "entry": [0] * 5,
        "lower": [40, 0, 10, 0, 30],
        "upper": [never, 10, 20, 10, 40],
    }
    for name, values in expected.items():
        assert table[name].astype(object).tolist() == values, name


def test_event_times_equal_a_search_row_by_row():
    rng = np.random.default_rng(0)
    steps = np.sort(rng.choice(1000, 30, replace=False)) + 1
    match = np.where(rng.random((200, 30)) < 0.8, 32, 7).astype(np.int8)
    match[rng.random(200) < 0.3] = 0
    table = event_times(np.arange(200), steps, match)
    for row in range(200):
        on = [bool(m == 32) for m in match[row]]
        first = next((s for s, m in zip(steps, on, strict=True) if m), None)
        stable = next((steps[i] for i in range(30) if all(on[i:])), None)
        assert (None if table.first_step.isna()[row] else table.first_step[row]) == first
        assert (None if table.stable_step.isna()[row] else table.stable_step[row]) == stable


def test_statistics_of_the_hand_computed_table():
    table = event_times(INDEX, STEPS, MATCH)
    weight = np.array([6.0, 1, 1, 1, 1])
    statistics = label_statistics(
        table, weight, np.array([0, 1, 1, 2, 3]), MATCH, step_seen=np.array([1, 25, 5, 1, 40])
    )
    assert statistics["distinct_texts"] == 4
    assert statistics["memorized"] == {
        "sequences": 3,
        "distinct_texts": 2,
        "population_fraction": pytest.approx(0.3),
    }
    assert statistics["forgotten"] == {
        "sequences": 1,
        "population_fraction": pytest.approx(0.1),
    }
    of_memorized = statistics["of_the_memorized"]
    assert of_memorized["first_step_quantiles"]["50%"] == 20
    assert of_memorized["stable_step_quantiles"]["50%"] == 40
    assert of_memorized["median_switches"] == 1  # 0, 3 and 1
    assert of_memorized["before_being_seen"] == pytest.approx(1 / 3)  # the second: 10 < 25


def test_nothing_memorized_is_no_error():
    table = event_times(INDEX, STEPS, np.zeros_like(MATCH))
    statistics = label_statistics(table, np.ones(5), INDEX, np.zeros_like(MATCH), INDEX)
    assert statistics["memorized"]["sequences"] == 0
    assert table["first_step"].isna().all()
