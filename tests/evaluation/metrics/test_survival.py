import numpy as np
import pytest
from sksurv.metrics import brier_score
from sksurv.util import Surv

from memorization.evaluation.metrics.event_time import (
    conditional_mean_step,
    conditional_median,
    integrated_squared_error,
    squared_error,
)

STEPS = np.array([1, 2, 4, 8, 16, 32, 64])


def data(seed=0, n=40, c=7):
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
    survival, time, event = data()
    outcome = Surv.from_arrays(event, time)
    times = np.arange(1, 7)
    _, scores = brier_score(outcome, outcome, survival[:, :6], times)
    np.testing.assert_allclose(squared_error(survival, time, event)[:, :6].mean(axis=0), scores)


def test_only_what_is_observed_counts():
    survival, time, event = data(2)
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
