import numpy as np
import pytest
from lifelines.utils import concordance_index
from sksurv.metrics import brier_score, concordance_index_censored
from sksurv.util import Surv

from memorization.evaluation.metrics.event_time import (
    concordance_between,
    concordance_of,
    conditional_mean_step,
    conditional_median,
    cumulative_auroc,
    integrated_squared_error,
    squared_error,
)
from memorization.evaluation.metrics.ranking import auroc


def concordance(time, event, risk, weight, group=None, left=None):
    return concordance_of(time, event, risk, group, left)(weight.astype(float))


def by_pairs(time, event, risk, weight, group, left=None, cluster=None):
    """Go through all ordered pairs, as the definition says."""
    right = known = 0.0
    cluster = np.arange(len(time)) if cluster is None else cluster
    left = np.zeros(len(time), bool) if left is None else left
    for i in range(len(time)):
        for j in range(len(time)):
            if not event[i] or left[j] or group[i] != group[j] or cluster[i] == cluster[j]:
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


def test_ties_follow_the_fields_convention():
    """Of the events at time 2, the one censored then is later; they are no pairs of each other."""
    time, risk = np.array([1, 2, 2, 2, 3]), np.array([5.0, 4.0, 1.0, 3.0, 2.0])
    event = np.array([True, True, True, False, False])
    assert concordance(time, event, risk, np.ones(5)) == 0.75


@pytest.mark.parametrize("seed", range(4))
def test_between_clusters_agrees_with_all_their_pairs(seed):
    time, event, risk, weight, cluster = data(seed)
    rng = np.random.default_rng(seed)
    cluster = rng.integers(0, 12, len(time)) + cluster
    group, left = cluster % 2, event & (rng.random(len(time)) < 0.3)
    for folds, late in ((group, left), (group, None), (None, None)):
        found = concordance_between(time, event, risk, cluster, folds, late)
        own = np.zeros_like(cluster) if folds is None else folds
        expected = by_pairs(time, event, risk, weight, own, late, cluster)
        assert found(weight) == pytest.approx(expected, rel=1e-9)
        assert found(np.stack([weight, weight])).shape == (2,)
        assert expected != pytest.approx(by_pairs(time, event, risk, weight, own, late), rel=1e-6)


def test_a_cluster_drawn_twice_has_no_pairs_with_itself():
    """Its pairs with others count twice, whatever happens within it."""
    time, event, risk, _, cluster = data(8)
    twice = np.where(cluster == 0, 2.0, 1.0)
    value = concordance_between(time, event, risk, cluster)(twice)
    rows = np.r_[np.arange(len(time)), np.flatnonzero(cluster == 0)]
    copies = (time[rows], event[rows], risk[rows])
    again = concordance_between(*copies, cluster[rows])(np.ones(len(rows)))
    assert value == pytest.approx(float(again))
    shuffled = np.where(cluster == 0, np.random.default_rng(1).permutation(risk), risk)
    assert concordance_between(time, event, shuffled, cluster)(twice) != pytest.approx(value)
    # One cluster has no pair with another.
    assert np.isnan(concordance_between(time, event, risk, np.zeros(len(time), int))(twice))
    # And where no two rows are the same text, all pairs count.
    alone = concordance_between(time, event, risk, np.arange(len(time)))
    assert alone(twice) == pytest.approx(float(concordance(time, event, risk, twice)))


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


STEPS = np.array([1, 2, 4, 8, 16, 32, 64])


def curves(seed=0, n=40, c=7):
    rng = np.random.default_rng(seed)
    time = rng.integers(1, c + 1, n)
    event = (rng.random(n) < 0.6) | (time < c)
    survival = np.sort(rng.random((n, c)), axis=1)[:, ::-1]
    return survival, time, event


def test_squared_error_and_integral_by_hand():
    # An event at checkpoint 2 of 3, and one censored at the last, which survived it.
    survival = np.array([[0.9, 0.5, 0.2], [0.9, 0.5, 0.2]])
    error = squared_error(survival, np.array([2, 3]), np.array([True, False]))
    np.testing.assert_allclose(error, [[0.01, 0.25, 0.04], [0.01, 0.25, 0.64]])
    # Errors 0 (start), 0.04, 0.04 at steps 0, 10, 30: a triangle and a rectangle.
    error = integrated_squared_error(
        np.array([[0.8, 0.8]]), np.array([2]), np.array([False]), np.array([10, 30])
    )
    assert error[0] == pytest.approx((10 * 0.02 + 20 * 0.04) / 30)


def test_agrees_with_scikit_survival_without_weights():
    survival, time, event = curves()
    outcome = Surv.from_arrays(event, time)
    times = np.arange(1, 7)
    _, scores = brier_score(outcome, outcome, survival[:, :6], times)
    np.testing.assert_allclose(squared_error(survival, time, event)[:, :6].mean(axis=0), scores)


def test_only_what_is_observed_counts():
    survival, time, event = curves(2)
    observed = np.random.default_rng(2).integers(1, 8, len(time))
    error, share = integrated_squared_error(survival, time, event, STEPS, observed)
    for i, first in enumerate(observed):
        known = np.arange(first - 1, 7)
        squares = ((event[i] & (time[i] <= known + 1)) - (1 - survival[i, known])) ** 2
        grid = STEPS[known]
        if first == 1:
            squares, grid = np.r_[0, squares], np.r_[0, grid]
        assert error[i] == pytest.approx(np.trapezoid(squares, grid) / 64)
        assert share[i] == pytest.approx((64 - grid[0]) / 64)
    # Nothing depends on a state that nobody saw.
    hidden = event & (time <= observed) & (observed > 1)
    moved = np.where(hidden, 1, time)
    again, _ = integrated_squared_error(survival, moved, event, STEPS, observed)
    np.testing.assert_array_equal(again, error)


def test_refuses_censoring_before_the_end():
    with pytest.raises(ValueError, match="censored before the last"):
        squared_error(np.ones((1, 3)), np.array([2]), np.array([False]))


def test_median_halves_the_expected_events_and_minimises_the_expected_error():
    rng = np.random.default_rng(1)
    survival = 1 - np.cumsum(rng.dirichlet(np.ones(11), 30)[:, :10], axis=1)
    medians = conditional_median(survival)
    for curve, median in zip(survival, medians, strict=True):
        happened = (1 - curve) / (1 - curve[-1])
        assert happened[median - 1] >= 0.5
        assert median == 1 or happened[median - 2] < 0.5
    mass, times = -np.diff(survival, axis=1, prepend=1.0), np.arange(1, 11)
    expected = mass @ np.abs(times[:, None] - times)
    np.testing.assert_allclose(expected[np.arange(30), medians - 1], expected.min(axis=1))


def test_mean_is_that_of_draws_and_the_end_where_no_event_is_expected():
    # Events of mass 0.1, 0.2 and 0.1.
    found = conditional_mean_step(np.array([[0.9, 0.7, 0.6]]), np.array([10, 20, 40]))
    assert found[0] == pytest.approx((1 + 4 + 4) / 0.4)
    survival = np.ones((1, 4))
    assert conditional_median(survival)[0] == 4
    assert conditional_mean_step(survival, np.array([1, 2, 3, 7]))[0] == 7
