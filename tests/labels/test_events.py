import numpy as np
import pandas as pd
import pytest

from memorization.labels.events import event_times, label_statistics
from memorization.labels.trajectories import Trajectories, published_trajectories
from memorization.tables import LABELS

STEPS = np.array([10, 20, 30, 40])
# never · at the first · lost and regained · memorized, then forgotten · at the last only
MATCH = np.array(
    [[0, 3, 31, 5], [32, 32, 32, 32], [4, 32, 0, 32], [32, 32, 1, 0], [0, 0, 0, 32]], dtype=np.int8
)
INDEX = np.array([2, 3, 5, 7, 11])
NEVER = pd.NA


def scanned(index, steps, match_length):
    observed = np.ones(match_length.shape, bool)
    return Trajectories(index, steps, match_length, np.zeros(match_length.shape), observed)


SCAN = scanned(INDEX, STEPS, MATCH)


def assert_table(table, expected):
    LABELS.validate(table)
    for name, values in expected.items():
        assert table[name].astype(object).tolist() == values, name


def test_hand_computed_table():
    assert_table(
        event_times(SCAN),
        {
            "index": [2, 3, 5, 7, 11],
            "memorized": [False, True, True, False, True],
            "match_length": [5, 32, 32, 0, 32],
            "first_step": [NEVER, 10, 20, 10, 40],
            "stable_step": [NEVER, 10, 40, NEVER, 40],
            "entry": [0] * 5,
            "lower": [40, 0, 10, 0, 30],
            "upper": [NEVER, 10, 20, 10, 40],
        },
    )


# Four sequences a step: by step 10 indices below 40 have been seen, by step 20 below 80, …
PUBLISHED = published_trajectories(
    np.array([1, 2, 3, 39, 40, 41, 42, 79, 159, 158]),
    {
        10: np.array([2, 3, 41]),  # 41 was not evaluated yet: an index that is listed by mistake
        20: np.array([40, 41, 2]),
        30: np.array([40, 79, 2, 3]),
        40: np.array([159, 2, 79, 41, 39]),
    },
    4,
)


def test_hand_computed_table_of_published_evaluations():
    table = event_times(PUBLISHED)
    assert PUBLISHED.observed.sum(1).tolist() == [4, 4, 4, 4, 3, 3, 3, 3, 1, 1]
    assert not PUBLISHED.memorized[~PUBLISHED.observed].any()
    expected = {
        # index: memorized, first, stable, entry, lower, upper
        1: (False, NEVER, NEVER, 0, 40, NEVER),
        2: (True, 10, 10, 0, 0, 10),
        3: (False, 10, NEVER, 0, 0, 10),  # forgotten, memorized again, forgotten
        39: (True, 40, 40, 0, 30, 40),
        40: (False, 20, NEVER, 20, 0, 20),  # at its first evaluation: left-censored
        41: (True, 20, 40, 20, 0, 20),
        42: (False, NEVER, NEVER, 20, 40, NEVER),
        79: (True, 30, 30, 20, 20, 30),
        159: (True, 40, 40, 40, 0, 40),  # evaluated only once
        158: (False, NEVER, NEVER, 40, 40, NEVER),
    }
    names = ("memorized", "first_step", "stable_step", "entry", "lower", "upper")
    columns = dict(zip(names, map(list, zip(*expected.values(), strict=True)), strict=True))
    assert_table(table, {"index": list(expected)} | columns)
    assert table["match_length"].tolist() == [-1, 32, -1, 32, -1, 32, -1, 32, 32, -1]


def test_one_evaluation_gives_an_interval_but_no_step():
    only = published_trajectories(np.array([3, 4, 5]), {40: np.array([4])}, 4)
    assert_table(
        event_times(only),
        {
            "memorized": [False, True, False],
            "match_length": [-1, 32, -1],
            "first_step": [NEVER] * 3,
            "stable_step": [NEVER] * 3,
            "entry": [0] * 3,
            "lower": [40, 0, 40],
            "upper": [NEVER, 40, NEVER],
        },
    )


def test_event_times_equal_a_search_row_by_row():
    rng = np.random.default_rng(0)
    steps = np.sort(rng.choice(1000, 30, replace=False)) + 1
    match = np.where(rng.random((200, 30)) < 0.8, 32, 7).astype(np.int8)
    match[rng.random(200) < 0.3] = 0
    begins = rng.integers(0, 30, 200) * (rng.random(200) < 0.5)
    observed = np.arange(30) >= begins[:, None]
    match[~observed] = -1
    table = event_times(Trajectories(np.arange(200), steps, match, match * 0.0, observed))
    for row in range(200):
        on = [bool(m == 32) for m in match[row]]
        first = next((i for i, m in enumerate(on) if m), None)
        stable = next((steps[i] for i in range(30) if all(on[i:])), None)
        known = [steps[i] for i in range(30) if observed[row, i] and (first is None or i < first)]
        expected = {
            "first_step": None if first is None else steps[first],
            "stable_step": stable,
            "entry": 0 if observed[row].all() else steps[begins[row]],
            "lower": max(known, default=0),
            "upper": None if first is None else steps[first],
        }
        for name, value in expected.items():
            assert (None if pd.isna(table[name][row]) else table[name][row]) == value, name


@pytest.mark.parametrize("way", ["intervals", "risk sets"])
def test_both_ways_to_write_the_likelihood_recover_the_distribution(way):
    """The docstring's claim, on events at known rates; a mixture of the two would not."""
    rng = np.random.default_rng(1)
    n, steps, hazard = 200_000, np.array([10, 20, 30, 40]), np.array([0.1, 0.2, 0.05, 0.3])
    happens = rng.random((n, 4)) < hazard
    event = np.where(happens.any(1), happens.argmax(1), 4)
    index = rng.permutation(160)[rng.integers(0, 160, n)]
    listed = {int(s): np.arange(n)[event <= j] for j, s in enumerate(steps)}
    # Each with an index of its own: the evaluations see it from step index // 4 + 1 on.
    own = index * n + np.arange(n)
    table = event_times(published_trajectories(own, {s: own[i] for s, i in listed.items()}, 4 * n))
    entry, lower = table["entry"].to_numpy(), table["lower"].to_numpy()
    upper = table["upper"].fillna(10**6).to_numpy(dtype=np.int64)
    assert (entry > 0).mean() > 0.5
    if way == "risk sets":
        at_risk = [
            (entry < s) & (lower >= b) & (upper > entry)
            for b, s in zip((0, *steps[:-1]), steps, strict=True)
        ]
        found = [(upper[r] == s).mean() for r, s in zip(at_risk, steps, strict=True)]
    else:
        found = _turnbull(lower, upper, steps)
    np.testing.assert_allclose(found, hazard, atol=0.006)


def _turnbull(lower, upper, steps):
    """Hazards of the self-consistent distribution of interval-censored times (Turnbull 1976)."""
    ends = np.append(steps, 10**6)
    inside = (ends > lower[:, None]) & (ends <= upper[:, None])
    kinds, counts = np.unique(inside, axis=0, return_counts=True)
    mass = np.full(5, 0.2)
    for _ in range(2000):
        share = kinds * mass
        mass = (counts[:, None] * share / share.sum(1, keepdims=True)).sum(0) / counts.sum()
    return mass[:-1] / mass[::-1].cumsum()[::-1][:-1]


def test_statistics_of_the_hand_computed_table():
    weight = np.array([5.0, 1, 3, 1, 0.5])
    statistics = label_statistics(
        event_times(SCAN),
        weight,
        np.array([0, 1, 1, 2, 3]),
        SCAN,
        step_seen=np.array([1, 25, 5, 1, 40]),
    )
    assert statistics["distinct_texts"] == 4
    assert statistics["memorized"] == {
        "sequences": 3,
        "distinct_texts": 2,
        "population_fraction": pytest.approx(4.5 / 10.5),
    }
    assert statistics["forgotten"] == {
        "sequences": 1,
        "population_fraction": pytest.approx(1 / 10.5),
    }
    of_memorized = statistics["of_the_memorized"]
    # Of the memorized, 1 in 4.5 is first so at step 10, 3 at 20 and 0.5 at 40.
    assert of_memorized["first_step_quantiles"] == {
        "10%": 10,
        "25%": 20,
        "50%": 20,
        "75%": 20,
        "90%": 40,
    }
    assert of_memorized["stable_step_quantiles"]["50%"] == 40
    assert of_memorized["median_switches"] == 3  # 0, 3 and 1
    assert of_memorized["before_being_seen"] == pytest.approx(1 / 4.5)  # the second: 10 < 25


def test_statistics_say_only_what_the_evaluations_tell():
    seen = PUBLISHED.index // 4 + 1
    statistics = label_statistics(
        event_times(PUBLISHED), np.ones(10), np.arange(10), PUBLISHED, seen
    )
    of_memorized = statistics["of_the_memorized"]
    # 2: none, 39: on, 41: off and on, 79: on, 159: none (that it begins is no switch).
    assert of_memorized["median_switches"] == 1
    assert of_memorized["before_being_seen"] is None
    only = published_trajectories(np.array([3, 4, 5]), {40: np.array([4])}, 4)
    of_memorized = label_statistics(event_times(only), np.ones(3), np.arange(3), only, np.ones(3))[
        "of_the_memorized"
    ]
    assert of_memorized["median_switches"] is None
    assert set(of_memorized["first_step_quantiles"].values()) == {None}


def test_nothing_memorized_is_no_error():
    none = scanned(INDEX, STEPS, np.zeros_like(MATCH))
    table = event_times(none)
    assert table["first_step"].isna().all()
    statistics = label_statistics(table, np.ones(5), INDEX, none, INDEX)
    assert statistics["memorized"]["sequences"] == 0
