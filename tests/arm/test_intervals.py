import numpy as np
import pytest
from scipy import stats

from memorization.arm.intervals import difference, mean, wilson


@pytest.mark.parametrize(("k", "n"), [(0, 8), (3, 8), (8, 8), (20, 40), (1, 4)])
def test_wilson_is_scipys(k, n):
    expected = stats.binomtest(k, n).proportion_ci(0.95, method="wilson")
    found = wilson(k / n, n, 0.95)
    assert (found["low"], found["high"]) == pytest.approx((expected.low, expected.high))


def test_difference_is_that_of_newcombes_example():
    """Newcombe (1998), table II: 56/70 less 48/80, method 10."""
    found = difference(wilson(56 / 70, 70, 0.95), wilson(48 / 80, 80, 0.95))
    assert found["value"] == pytest.approx(0.2)
    assert (found["low"], found["high"]) == pytest.approx((0.0524, 0.3339), abs=5e-5)


def test_mean_is_scipys():
    values = np.random.default_rng(0).normal(size=9)
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.9)
    found = mean(values, 0.9)
    assert (found["low"], found["high"]) == pytest.approx((expected.low, expected.high))
    assert np.isnan(mean(values[:1], 0.9)["low"])
