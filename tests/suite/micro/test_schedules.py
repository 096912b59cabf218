import numpy as np
import pytest

from memorization.errors import UserError
from memorization.suite.micro.schedules import copy_times, paired, window_positions


def copies(schedule, dose, units=1):
    unit = np.repeat(np.arange(units), dose)
    rank = np.tile(np.arange(dose), units)
    return unit, np.full(len(unit), schedule), rank, np.full(len(unit), dose)


@pytest.mark.parametrize(
    ("schedule", "low", "high"),
    [("random", 0, 1), ("fuzzy", 0, 1), ("early", 0, 0.2), ("late", 0.8, 1), ("even", 0, 1)],
)
def test_times_fill_their_part_of_training(schedule, low, high):
    _, schedules, rank, dose = copies(schedule, 50, units=40)
    time = copy_times(schedules, rank, dose, np.random.default_rng(0))
    assert (low <= time).all()
    assert (time < high).all()
    # Uniform: as the distribution says at every tenth of it.
    deciles = np.quantile(time, np.linspace(0.1, 0.9, 9))
    np.testing.assert_allclose((deciles - low) / (high - low), np.linspace(0.1, 0.9, 9), atol=0.03)


def test_even_copies_are_equally_spaced_and_each_unit_has_its_phase():
    unit, schedules, rank, dose = copies("even", 10, units=3)
    time = copy_times(schedules, rank, dose, np.random.default_rng(0))
    np.testing.assert_allclose(np.diff(time.reshape(3, 10), axis=1), 0.1)
    assert len(set(time[rank == 0])) == 3
    assert unit.tolist() == np.repeat([0, 1, 2], 10).tolist()


@pytest.mark.parametrize("seed", range(20))
def test_no_window_holds_two_copies_of_one_unit(seed):
    rng = np.random.default_rng(seed)
    unit = rng.permutation(np.repeat([0, 1, 2, 3], [20, 4, 10, 6]))
    pairs = paired(unit, rng.random(40))
    assert sorted(pairs.ravel()) == list(range(40))
    assert (unit[pairs[:, 0]] != unit[pairs[:, 1]]).all()


def test_copies_that_cannot_be_parted_are_refused():
    unit = np.repeat([0, 1], [12, 2])
    with pytest.raises(UserError, match="two must share a window"):
        paired(unit, np.random.default_rng(0).random(14))


@pytest.mark.parametrize("seed", range(10))
def test_windows_stay_near_their_time_and_within_their_fifth(seed):
    rng, n = np.random.default_rng(seed), 2000
    names = ["random", "early", "late", "even"]
    unit = np.repeat(np.arange(12), 20)
    schedule = np.array(names)[unit % 4]
    rank, dose = np.tile(np.arange(20), 12), np.full(240, 20)
    time = copy_times(schedule, rank, dose, rng)
    pairs = paired(unit, time)
    position = window_positions(pairs, time, schedule, n)
    assert (np.diff(position) > 0).all()
    assert position.min() >= 0
    assert position.max() < n
    at = np.empty(240)
    at[pairs] = position[:, None]
    assert at[schedule == "early"].max() < n / 5
    assert at[schedule == "late"].min() >= 4 * n / 5
    assert np.abs(at - time * n).mean() < 0.01 * n


def test_a_training_that_is_too_short_is_refused():
    unit, schedule, rank, dose = copies("early", 30, units=2)
    time = copy_times(schedule, rank, dose, np.random.default_rng(0))
    pairs = paired(unit, time)
    assert window_positions(pairs, time, schedule, 150).max() < 30
    with pytest.raises(UserError, match="do not fit into a training of 149"):
        window_positions(pairs, time, schedule, 149)
