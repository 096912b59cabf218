import numpy as np
import pytest

from memorization.study.targets import Targets
from memorization.when.person_period import (
    event_bins,
    exposure,
    person_period,
    survival_of_hazard,
)


def random_targets(seed, n=50, c=10):
    rng = np.random.default_rng(seed)
    return Targets(rng.integers(1, c + 1, n), rng.random(n) < 0.5, c)


def by_loop(targets, bins):
    """Count checkpoints at risk one by one: (row, bin, event) -> checkpoints."""
    counts = {}
    for i in range(len(targets)):
        for j in range(1, targets.time[i] + 1):
            event = bool(targets.event[i] and j == targets.time[i])
            key = (i, int(bins[j - 1]), event)
            counts[key] = counts.get(key, 0) + 1
    return counts


@pytest.mark.parametrize("bins", [np.arange(10), np.array([0, 0, 1, 1, 1, 1, 2, 2, 2, 2])])
def test_table_and_exposure_agree_with_a_loop(bins):
    targets, increments = random_targets(0), np.random.default_rng(0).random(10)
    expected = np.zeros((len(targets), bins[-1] + 1))
    for i in range(len(targets)):
        np.add.at(expected[i], bins[: targets.time[i]], increments[: targets.time[i]])
    np.testing.assert_allclose(exposure(targets, bins, increments), expected)
    table = person_period(targets, bins)
    keys = zip(table.row.tolist(), table.bin.tolist(), table.event.tolist(), strict=True)
    assert dict(zip(keys, table.count.tolist(), strict=True)) == by_loop(targets, bins)
    assert table.count.sum() == targets.time.sum()


def test_bins_hold_about_as_many_events_each():
    rng = np.random.default_rng(2)
    time = np.minimum(21 + rng.geometric(0.02, 2000), 143)
    targets = Targets(time, time < 143, 143)
    bins = event_bins(targets, 10)
    assert (np.diff(bins) >= 0).all()
    assert (np.diff(bins) <= 1).all()
    events = np.bincount(bins[time[targets.event] - 1], minlength=11)
    first = targets.time[targets.event].min()
    # The bin before any event, and ten of a tenth each, up to the events of a checkpoint.
    assert bins[: first - 1].tolist() == [0] * (first - 1)
    assert events[0] == 0
    largest_tie = np.bincount(time[targets.event]).max()
    assert np.abs(events[1:] - targets.event.sum() / 10).max() <= largest_tie


@pytest.mark.parametrize("time", [[5, 5, 5], [1, 1, 1], [10, 10, 1], [3, 10, 10]])
def test_few_distinct_event_times_make_valid_bins(time):
    bins = event_bins(Targets(np.array(time), np.ones(3, bool), 10), 12)
    assert (len(bins), bins[0]) == (10, 0)
    assert set(np.diff(bins).tolist()) <= {0, 1}
    # No events make one bin.
    assert not event_bins(Targets(np.array(time), np.zeros(3, bool), 10), 12).any()


def test_survival_is_the_product_over_checkpoints():
    bins = np.array([0, 0, 1, 2, 2])
    hazard = np.random.default_rng(3).random((6, 3))
    np.testing.assert_allclose(
        survival_of_hazard(hazard, bins), np.cumprod(1 - hazard[:, bins], axis=1)
    )
    sure = survival_of_hazard(np.array([[0.0, 1.0, 0.0]]), bins)
    np.testing.assert_allclose(sure, [[1, 1, 0, 0, 0]], atol=1e-12)
