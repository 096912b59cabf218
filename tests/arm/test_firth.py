import numpy as np
import pytest
from scipy import stats
from scipy.optimize import minimize

from memorization.arm.firth import firth, half_dose, penalized_loglik


@pytest.mark.parametrize(
    "table",
    # Events and others where x is 0, then where x is 1; the last three are separated.
    [(3, 7, 6, 4), (1, 19, 4, 6), (0, 10, 5, 5), (0, 10, 10, 0), (4, 0, 0, 2)],
)
def test_of_a_two_by_two_table_it_adds_one_half_to_each_cell(table):
    """Firth (1993), Heinze & Schemper (2002): in a saturated model, exactly that."""
    y = np.repeat([True, False, True, False], table)
    x = np.stack([np.ones(len(y)), np.repeat([0, 0, 1, 1], table)], axis=1)
    a, b, c, d = (np.array(table) + 0.5).tolist()
    expected = [np.log(a / b), np.log(c * b / (d * a))]
    np.testing.assert_allclose(firth(x, y)[0], expected, rtol=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_it_is_the_maximum_of_the_penalized_likelihood(seed):
    rng = np.random.default_rng(seed)
    x = np.c_[np.ones(40), rng.normal(size=(40, 2))]
    y = rng.random(40) < 1 / (1 + np.exp(-x @ [0.3, 2.0, -1.0]))
    coefficients, loglik = firth(x, y)
    found = minimize(
        lambda beta: -penalized_loglik(beta, x, y), np.zeros(3), method="Nelder-Mead",
        options={"xatol": 1e-8, "fatol": 1e-12, "maxiter": 5000},
    )  # fmt: skip
    np.testing.assert_allclose(coefficients, found.x, atol=1e-5)
    assert loglik == pytest.approx(-found.fun)


def test_columns_that_depend_on_each_other_are_a_defect():
    x = np.ones((6, 2))
    with pytest.raises(ValueError, match="depend on each other"):
        firth(x, np.arange(6) < 2)


DOSES = np.repeat([4, 8, 16, 32, 64, 96, 128, 256], 8)


def test_half_dose_of_separated_doses_lies_between_them_with_finite_bounds():
    found = half_dose(DOSES, DOSES > 64, 0.95)
    assert 64 < found["low"] < found["value"] < found["high"] < 96 * 1.1
    assert found["value"] == pytest.approx(np.sqrt(64 * 96), rel=0.03)
    assert found["n"] == 64


def test_the_interval_is_where_the_profile_has_fallen():
    rng = np.random.default_rng(0)
    y = rng.random(len(DOSES)) < 1 / (1 + np.exp(-2 * (np.log2(DOSES) - 6)))
    found = half_dose(DOSES, y, 0.95)
    x = np.stack([np.ones(len(y)), np.log2(DOSES)], axis=1)
    _, most = firth(x, y)
    slopes = np.exp(np.linspace(-4, 4, 4001))
    for name in ("low", "high"):
        middle = np.log2(found[name])
        profile = max(penalized_loglik(np.array([-b * middle, b]), x, y) for b in slopes)
        assert 2 * (most - profile) == pytest.approx(stats.chi2.ppf(0.95, 1), abs=1e-3)


def test_zero_doses_and_curves_that_do_not_rise():
    zeros = np.r_[DOSES, np.zeros(8, int)]
    assert half_dose(zeros, zeros > 64, 0.95) == half_dose(DOSES, DOSES > 64, 0.95)
    falling = half_dose(DOSES, DOSES < 64, 0.95)
    assert falling["slope"] < 0
    assert np.isnan(falling["value"])
    assert np.isnan(half_dose(DOSES * 0 + 8, DOSES > 64, 0.95)["value"])
    # None memorized: no upper bound.
    assert np.isnan(half_dose(DOSES, DOSES < 0, 0.95)["high"])


def test_too_few_units_and_a_curve_that_hardly_rises_end_well():
    few = half_dose(np.array([4, 8]), np.array([False, True]), 0.95)
    assert np.isnan(few["low"])
    flat = half_dose(np.array([8, 4] * 500), np.arange(1000) < 21, 0.95)
    assert flat["slope"] > 0
    assert np.isnan([flat["value"], flat["low"], flat["high"]]).all()


def test_the_interval_covers():
    rng, covered = np.random.default_rng(1), []
    for _ in range(100):
        y = rng.random(len(DOSES)) < 1 / (1 + np.exp(-2.5 * (np.log2(DOSES) - 6.3)))
        found = half_dose(DOSES, y, 0.95)
        covered.append(found["low"] <= 2**6.3 <= found["high"])
    assert 0.9 <= np.mean(covered) <= 0.99
