import numpy as np
import pytest

from memorization.evaluation.crossfit import thinned


@pytest.mark.parametrize(
    ("n_events", "largest", "kept_events"), [(20, 50, 20), (80, 50, 25), (195, 50, 45), (5, 300, 5)]
)
def test_events_first_and_both_kinds_keep_their_weight(n_events, largest, kept_events):
    rng = np.random.default_rng(0)
    event, weight = rng.permutation(np.arange(200) < n_events), rng.random(200)
    rows, kept = thinned(event, weight, largest, rng)
    assert len(rows) == min(200, largest)
    assert (np.diff(rows) > 0).all()
    assert event[rows].sum() == kept_events
    for kind in (event, ~event):
        assert kept[kind[rows]].sum() == pytest.approx(weight[kind].sum())


def test_every_row_of_a_kind_is_as_likely():
    event, weight = np.arange(40) < 10, np.ones(40)
    total = np.zeros(40)
    for seed in range(2000):
        rows, kept = thinned(event, weight, 16, np.random.default_rng(seed))
        total[rows] += kept
    np.testing.assert_allclose(total / 2000, 1, atol=0.15)
