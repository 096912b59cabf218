import numpy as np
import pytest
from lifelines.utils import concordance_index
from sksurv.metrics import concordance_index_censored

from memorization.evaluation.metrics.event_time import concordance_of, cumulative_auroc
from memorization.evaluation.metrics.ranking import auroc


def concordance(time, event, risk, weight, group=None, left=None):
    return concordance_of(time, event, risk, group, left)(weight.astype(float))


def by_pairs(time, event, risk, weight, group, left=None):
    """Go through all ordered pairs, as the definition says."""
    right = known = 0.0
    left = np.zeros(len(time), bool) if left is None else left
    for i in range(len(time)):
        for j in range(len(time)):
            if not event[i] or left[j] or group[i] != group[j] or i == j:
                continue
            if time[j] > time[i] or (time[j] == time[i] and not event[j]):
                pair = weight[i] * weight[j]
                known += pair
                right += pair * (1.0 if risk[i] > risk[j] else 0.5 if risk[i] == risk[j] else 0.0)
    return right / known


def data(seed, n=60):
    """Times with ties, censoring throughout, tied scores, and uneven weights."""
    rng = np.random.default_rng(seed)
    time = rng.integers(1, 9, n)
    event = rng.random(n) < 0.5
    risk = np.round(rng.normal(size=n) - time / 6, 1)
    return time, event, risk, rng.exponential(size=n) + 0.1, rng.integers(0, 3, n)


@pytest.mark.parametrize("seed", range(4))
def test_agrees_with_all_pairs(seed):
    time, event, risk, weight, group = data(seed)
    none = np.zeros_like(group)
    for own in (group, none):
        expected = by_pairs(time, event, risk, weight, own)
        assert concordance(time, event, risk, weight, own) == pytest.approx(expected, rel=1e-12)
    whole = concordance(time, event, risk, weight)
    assert whole == pytest.approx(by_pairs(time, event, risk, weight, none), rel=1e-12)
    # An event that is only known to be early is never the later one.
    left = event & (np.random.default_rng(seed).random(len(time)) < 0.4)
    early = by_pairs(time, event, risk, weight, group, left)
    assert concordance(time, event, risk, weight, group, left) == pytest.approx(early, rel=1e-12)
    assert early != pytest.approx(by_pairs(time, event, risk, weight, group), rel=1e-6)


@pytest.mark.parametrize("seed", range(4))
def test_agrees_with_lifelines_and_scikit_survival_without_weights(seed):
    time, event, risk, _, _ = data(seed)
    value = concordance(time, event, risk, np.ones(len(time)))
    assert value == pytest.approx(concordance_index_censored(event, time, risk)[0], rel=1e-12)
    assert value == pytest.approx(concordance_index(time, -risk, event), rel=1e-12)


def test_weights_are_repetitions_and_their_leading_axes_replicates():
    time, event, risk, _, group = data(6)
    replicates = np.random.default_rng(2).integers(0, 4, (2, 3, len(time)))
    values = concordance(time, event, risk, replicates, group)
    assert values.shape == (2, 3)
    for place, copies in zip(np.ndindex(2, 3), replicates.reshape(6, -1), strict=True):
        # In any order. Copies of one event tie in time, so they form no pair.
        rows = np.random.default_rng(3).permutation(np.repeat(np.arange(len(time)), copies))
        again = concordance(time[rows], event[rows], risk[rows], np.ones(len(rows)), group[rows])
        assert values[place] == pytest.approx(float(again), rel=1e-12)


def test_undefined_without_known_pairs():
    time, risk = np.array([1, 2]), np.array([0.0, 1.0])
    assert np.isnan(concordance(time, np.zeros(2, dtype=bool), risk, np.ones(2)))
    assert np.isnan(concordance(time, np.ones(2, dtype=bool), risk, np.array([1.0, 0.0])))


def test_auroc_at_a_time_is_that_of_the_state_then():
    time, event, risk, weight, _ = data(7)
    with pytest.raises(ValueError, match="censored before 4"):
        cumulative_auroc(time, event, risk, 4)
    time[~event] = 8
    value = cumulative_auroc(time, event, risk, 4)(weight)
    assert value == pytest.approx(auroc(event & (time <= 4), risk, weight), rel=1e-12)
