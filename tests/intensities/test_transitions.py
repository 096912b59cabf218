import numpy as np
import pytest

from memorization.intensities.transitions import TRANSITIONS, Periods, thinned, transitions
from memorization.study import Histories


def test_every_look_is_one_row_of_one_transition():
    rng = np.random.default_rng(0)
    memorized = rng.random((50, 20)) < 0.4
    observed = np.arange(20) >= rng.integers(0, 10, 50)[:, None]
    memorized &= observed
    found = transitions(Histories(memorized, observed, np.arange(1, 21), None))
    assert sum(len(periods.row) for periods in found.values()) == observed.sum()
    for i in range(50):
        now = ever = False
        since = 0
        for j in np.flatnonzero(observed[i]):
            name = "loss" if now else "again" if ever else "first"
            periods = found[name]
            (at,) = np.flatnonzero((periods.row == i) & (periods.at == j))
            assert periods.event[at] == (memorized[i, j] != now)
            if name != "first":
                edges = [1, 2, 3, 5, 9, 17]
                assert periods.age[at] == max(k for k, edge in enumerate(edges) if since >= edge)
            since = 1 if memorized[i, j] != now else since + 1
            now = memorized[i, j]
            ever = ever or now
    assert tuple(found) == TRANSITIONS


@pytest.mark.parametrize(
    ("share", "events"), [(0.02, None), (0.2, 500), (0.98, 800)], ids=["few", "some", "most"]
)
def test_thinning_keeps_events_first_and_says_by_how_much_odds_grow(share, events):
    n = 10_000
    rng = np.random.default_rng(1)
    event = rng.random(n) < share
    zeros = np.zeros(n, np.int64)
    kept, shift = thinned(Periods(np.arange(n), zeros, zeros, event), 1_000, rng)
    assert len(kept.row) == 1_000
    if events is None:
        assert kept.event.sum() == event.sum()
    elif share < 0.5:
        assert kept.event.sum() == events
    else:
        # There are fewer others than fill their half.
        assert (~kept.event).sum() == (~event).sum()
    odds = event.mean() / (1 - event.mean())
    found = kept.event.mean() / (1 - kept.event.mean())
    assert np.isclose(np.log(found) - shift, np.log(odds))
