import numpy as np
import pytest
from scipy import stats

from memorization.evaluation.intervals import IDENTITY, LOG, LOGIT, SKILL, interval, kish

SCALES = {"identity": IDENTITY, "log": LOG, "logit": LOGIT, "skill": SKILL}


@pytest.mark.parametrize(
    ("sums", "expected"),
    [
        ([5, 5, 5, 5], 4),
        ([7, 0, 0], 1),
        ([3, 1], 16 / 10),
        ([0, 0], 0),
        ([[1, 1], [9, 0]], [2, 1]),
    ],
)
def test_clusters_in_effect(sums, expected):
    assert kish(np.array(sums, dtype=float)) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("scale", "transform"),
    [
        ("identity", lambda x: x),
        ("log", np.log),
        ("logit", stats.logistic.ppf),
        ("skill", lambda x: -np.log(1 - x)),
    ],
)
def test_scales_and_their_slopes(scale, transform):
    scale, values = SCALES[scale], np.array([0.02, 0.4, 0.97])
    np.testing.assert_allclose(scale.to(values), transform(values))
    np.testing.assert_allclose(scale.back(scale.to(values)), values)
    slope = (scale.to(values + 1e-6) - scale.to(values - 1e-6)) / 2e-6
    np.testing.assert_allclose(scale.slope(values), slope, rtol=1e-5)


def test_of_many_clusters_with_a_small_error_all_scales_give_the_normal_interval():
    replicates = np.random.default_rng(0).normal(0.6, 1e-4, 400)
    expected = 0.6 + 1.959964 * replicates.std(ddof=1) * np.array([-1, 1])
    for scale in SCALES.values():
        found = interval(0.6, replicates, 1e7, 0.95, scale)
        np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_of_few_clusters_it_is_students_on_the_scale():
    replicates = np.array([0.85, 0.9, 0.95, 1.0])
    error = replicates.std(ddof=1) / (0.9 * 0.1)
    ends = np.log(9) + stats.t.ppf([0.05, 0.95], 4.5) * error
    found = interval(0.9, replicates, 5.5, 0.9, LOGIT)
    np.testing.assert_allclose(found, 1 / (1 + np.exp(-ends)))


@pytest.mark.parametrize("scale", SCALES)
def test_it_holds_the_value_within_the_scale_and_grows_as_clusters_get_fewer(scale):
    replicates = np.array([0.5, 0.7, 0.95])
    widths = []
    for effective in (100.0, 10.0, 2.0, 1.1):
        low, high = interval(0.7, replicates, effective, 0.95, SCALES[scale])
        assert low < 0.7 < high
        assert scale != "logit" or (low >= 0 and high <= 1)
        assert scale not in ("logit", "skill") or high <= 1
        assert scale != "log" or low >= 0
        widths.append(high - low)
    assert widths == sorted(widths)


NOTHING = (np.nan, np.nan)
SPREAD = np.array([0.2, 0.3, 0.4] * 10)


@pytest.mark.parametrize(
    ("value", "replicates", "effective", "scale", "expected"),
    [
        # Nothing varies, and nothing is known to.
        (0.5, np.full(30, 0.5), 9, LOGIT, (0.5, 0.5)),
        (0.0, np.zeros(30), 9, IDENTITY, (0.0, 0.0)),
        # One text has no spread.
        (0.3, SPREAD, 1, LOGIT, NOTHING),
        (0.3, np.full(30, 0.3), 1, LOGIT, NOTHING),
        (0.3, SPREAD, 0, LOGIT, NOTHING),
        # A ratio of 0 has no logarithm, and an undefined value no interval.
        (0.0, SPREAD, 9, LOG, NOTHING),
        (np.nan, SPREAD, 9, LOGIT, NOTHING),
        (1.0, SPREAD, 9, SKILL, NOTHING),
    ],
)
def test_special_cases(value, replicates, effective, scale, expected):
    np.testing.assert_array_equal(interval(value, replicates, effective, 0.95, scale), expected)


@pytest.mark.parametrize("n", [4, 30])
def test_none_and_all_have_the_exact_bounds_of_that_many_draws(n):
    exact = [stats.binomtest(k, n).proportion_ci(0.95, "exact") for k in (0, n)]
    for value, (low, high) in zip((0.0, 1.0), exact, strict=True):
        found = interval(value, np.full(20, value), n, 0.95, LOGIT)
        np.testing.assert_allclose(found, (low, high), atol=1e-12)


def test_undefined_replicates_are_dropped_up_to_one_in_twenty():
    values = np.random.default_rng(1).uniform(0.3, 0.6, 100)
    few, many = values.copy(), values.copy()
    few[:5], many[:6] = np.nan, np.nan
    np.testing.assert_allclose(interval(0.4, few, 9, 0.9), interval(0.4, values[5:], 9, 0.9))
    assert np.isnan(interval(0.4, many, 9, 0.9)).all()
    assert np.isnan(interval(0.4, np.full(3, np.nan), 9, 0.9)).all()


def test_many_at_once_are_each_by_itself():
    rng = np.random.default_rng(2)
    value, effective = np.array([0.0, 0.2, 0.9, np.nan]), np.array([3.0, 4.0, 50.0, 9.0])
    replicates = rng.random((40, 4))
    replicates[3:7, 2] = np.nan
    low, high = interval(value, replicates, effective, 0.95)
    for k in range(4):
        alone = interval(value[k], replicates[:, k], effective[k], 0.95)
        np.testing.assert_array_equal((low[k], high[k]), alone)
