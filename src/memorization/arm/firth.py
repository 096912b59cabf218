"""Firth's logistic regression, and the dose at which half are memorized.

Few texts and a steep curve nearly separate the doses at which none and at which all are memorized;
the likelihood then has no maximum. Firth (1993) adds half the log-determinant of the information,
which takes off the first-order bias and keeps the estimate finite; Heinze & Schemper (2002) take
intervals from the profile of the penalized likelihood.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import stats
from scipy.optimize import brentq, minimize_scalar
from scipy.special import expit

STEPS = 200
PRECISION = 1e-9
LONGEST_STEP = 5.0
# The dose and its bounds are looked for within so many units of the covariate beyond the data.
FURTHEST = 20.0


def penalized_loglik(coefficients: np.ndarray, x: np.ndarray, y: np.ndarray) -> float:
    """Return the log-likelihood and half the log-determinant of the information.

    Parameters
    ----------
    coefficients : float64 [p].
    x, y : float64 [n, p], with a column of ones for an intercept, and bool [n].
    """
    eta = x @ coefficients
    p = expit(eta)
    information = (x * (p * (1 - p))[:, None]).T @ x
    sign, logdet = np.linalg.slogdet(information)
    loglik = float(np.sum(np.where(y, -np.logaddexp(0, -eta), -np.logaddexp(0, eta))))
    return loglik + 0.5 * logdet if sign > 0 else -np.inf


def firth(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, float]:
    """Return the coefficients, float64 [p], and `penalized_loglik` at their maximum of it.

    By Newton steps on the modified score.

    Parameters
    ----------
    x, y : as for `penalized_loglik`; the columns of x must be independent.

    Raises
    ------
    ValueError
        If the columns of x depend on each other, or no maximum is found.

    >>> x = np.array([[1, 0]] * 5 + [[1, 1]] * 5)  # no event of 5 against 5 of 5: log odds of 11
    >>> [round(float(b), 4) for b in firth(x, np.arange(10) >= 5)[0]]
    [-2.3979, 4.7958]
    """
    if np.linalg.matrix_rank(x) < x.shape[1]:
        raise ValueError("Firth's regression: columns of x depend on each other; leave one out")
    beta = np.zeros(x.shape[1])
    value = penalized_loglik(beta, x, y)
    for _ in range(STEPS):
        p = expit(x @ beta)
        weight = p * (1 - p)
        inverse = np.linalg.inv((x * weight[:, None]).T @ x)
        leverage = weight * np.einsum("ij,jk,ik->i", x, inverse, x)
        step = inverse @ (x.T @ (y - p + leverage * (0.5 - p)))
        step *= min(1.0, LONGEST_STEP / max(float(np.abs(step).max()), PRECISION))
        while (tried := penalized_loglik(beta + step, x, y)) < value - PRECISION:
            step /= 2
        beta, value = beta + step, tried
        if np.abs(step).max() < PRECISION:
            return beta, value
    raise ValueError("Firth's regression: no maximum found; bring the columns of x to one scale")


def half_dose(dose: np.ndarray, y: np.ndarray, level: float) -> dict[str, float | int]:
    """Return the dose at which half are memorized, with its profile-likelihood interval.

    The regression is on log2 of the dose, so doses of 0 have no part in it. A bound is NaN where
    the data do not bound it, and all is NaN where the curve hardly rises, if at all, or the units
    are so few that no curve is the likeliest.

    Parameters
    ----------
    dose, y : int64 [n] and bool [n].

    Returns
    -------
    ``value``, ``low`` and ``high``, copies; ``slope``, log odds a doubling; ``n``.
    """
    x, y = np.log2(dose[dose > 0]), y[dose > 0].astype(bool)
    nothing = {"value": np.nan, "low": np.nan, "high": np.nan, "slope": np.nan, "n": len(y)}
    if len(np.unique(x)) < 2:
        return nothing
    try:
        (intercept, slope), loglik = firth(np.stack([np.ones(len(x)), x], axis=1), y)
    except ValueError:
        return nothing
    if slope <= 0:
        return nothing | {"slope": slope}
    middle = float(-intercept / slope)
    if not x.min() - FURTHEST < middle < x.max() + FURTHEST:
        return nothing | {"slope": slope}
    most = loglik - float(stats.chi2.ppf(level, 1)) / 2
    profile = profile_of_middle(x, y)

    def bound(direction: int) -> float:
        end = (x.min() if direction < 0 else x.max()) + direction * FURTHEST
        if profile(end) > most:
            return np.nan
        return float(2 ** brentq(lambda at: profile(at) - most, middle, end, xtol=1e-6))

    return {
        "value": float(2**middle),
        "low": bound(-1),
        "high": bound(+1),
        "slope": slope,
        "n": len(y),
    }


def profile_of_middle(x: np.ndarray, y: np.ndarray) -> Callable[[float], float]:
    """Return the greatest penalized log-likelihood of rising curves that are one half at a place.

    Parameters
    ----------
    x, y : float64 [n], the covariate, and bool [n].
    """
    design = np.stack([np.ones(len(x)), x], axis=1)

    def at(middle: float) -> float:
        def loss(log_slope: float) -> float:
            slope = np.exp(log_slope)
            return -penalized_loglik(np.array([-slope * middle, slope]), design, y)

        # From coarse to fine: the profile may have a second maximum where the slope vanishes.
        grid = np.linspace(-6, 4, 41)
        best = int(np.argmin([loss(value) for value in grid]))
        low, high = grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)]
        found = minimize_scalar(loss, bounds=(low, high), method="bounded", options={"xatol": 1e-8})
        return -float(found.fun)

    return at
