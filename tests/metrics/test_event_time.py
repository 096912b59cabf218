import numpy as np
import pytest

from memorization.evaluation.metrics.event_time import conditional_mean_step, conditional_median


def curves(seed=0, n=30, c=9):
    rng = np.random.default_rng(seed)
    return 1 - np.cumsum(rng.dirichlet(np.ones(c + 1), n)[:, :c], axis=1)


def test_median_halves_the_expected_events():
    survival = curves()
    for curve, median in zip(survival, conditional_median(survival), strict=True):
        happened = (1 - curve) / (1 - curve[-1])
        assert happened[median - 1] >= 0.5
        assert median == 1 or happened[median - 2] < 0.5


def test_median_minimises_the_expected_absolute_error():
    survival = curves(1, c=10)
    mass = -np.diff(survival, axis=1, prepend=1.0)
    times = np.arange(1, 11)
    expected = mass @ np.abs(times[:, None] - times)
    best = expected.min(axis=1)
    rows = np.arange(len(survival))
    np.testing.assert_allclose(expected[rows, conditional_median(survival) - 1], best)


def test_mean_is_that_of_draws():
    survival = np.array([[0.9, 0.7, 0.6]])
    steps = np.array([10, 20, 40])
    # Events of mass 0.1, 0.2 and 0.1.
    assert conditional_mean_step(survival, steps)[0] == pytest.approx((1 + 4 + 4) / 0.4)


def test_a_curve_without_events_expects_the_end():
    survival = np.ones((1, 4))
    assert conditional_median(survival)[0] == 4
    assert conditional_mean_step(survival, np.array([1, 2, 3, 7]))[0] == 7
