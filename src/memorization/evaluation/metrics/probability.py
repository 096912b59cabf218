"""How good a probability is: proper scores, and calibration in the population."""

from __future__ import annotations

import numpy as np

from memorization.evaluation.metrics.sums import ratio, weighted_mean

# Probabilities are kept this far from 0 and 1, so that a sure mistake costs much, not everything
# (as scikit-learn's log_loss).
EPSILON = float(np.finfo(np.float64).eps)


def brier(truth: np.ndarray, probability: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Return the weighted mean squared error of the probability, float [...] (Brier 1950).

    >>> float(brier(np.array([True, False]), np.array([0.5, 0.0]), np.array([1.0, 3.0])))
    0.0625
    """
    return weighted_mean((truth - probability) ** 2, weight)


def log_loss(truth: np.ndarray, probability: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Return the weighted mean negative log-likelihood, nats, float [...].

    >>> round(float(log_loss(np.array([True, False]), np.array([0.5, 0.5]), np.ones(2))), 4)
    0.6931
    """
    p = _clipped(probability)
    return weighted_mean(-np.where(truth, np.log(p), np.log1p(-p)), weight)


def observed_to_expected(
    truth: np.ndarray, probability: np.ndarray, weight: np.ndarray
) -> np.ndarray:
    """Return the memorized sequences per predicted one, float [...]: calibration in the large.

    1 is right, above 1 the model predicts too few. NaN where nothing is expected.

    >>> float(observed_to_expected(np.array([True, False]), np.array([0.3, 0.1]), np.ones(2)))
    2.5
    """
    return ratio(weight @ truth.astype(np.float64), weight @ probability)


def calibration_slope(truth: np.ndarray, probability: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Return the slope of truth on the log-odds of the probability, float [...] (Cox 1958).

    The weighted logistic regression of truth on logit(probability), with an intercept. 1 is
    right; below 1 the probabilities are too extreme, as those of an overfitted model are
    (Van Calster et al. 2019, "Calibration: the Achilles heel of predictive analytics"). NaN where
    it is undefined: one class only, a constant probability, or classes that the score separates.
    """
    p = _clipped(probability)
    x = np.log(p) - np.log1p(-p)
    weight = np.asarray(weight, dtype=np.float64)
    rows = weight.reshape(-1, weight.shape[-1])
    total = rows.sum(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        center = rows @ x / total
        spread = np.sqrt(np.maximum(rows @ x**2 / total - center**2, 0))
    positive = rows @ truth.astype(np.float64)
    usable = (positive > 0) & (positive < total) & (spread > 1e-9)
    slope = np.full(len(rows), np.nan)
    if usable.any():
        slope[usable] = _newton_slope(truth, x, rows[usable])
    return slope.reshape(weight.shape[:-1])


def _newton_slope(truth: np.ndarray, x: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Return the slopes [r] of weighted logistic regressions of truth on x; NaN: none found.

    Newton's method from the calibrated answer (0, 1), whose steps are cut at 1 so that a replicate
    far from calibrated cannot overshoot into the flat part of the likelihood.
    """
    coefficients = np.tile([0.0, 1.0], (len(weight), 1))
    converged = np.zeros(len(weight), dtype=bool)
    weight = weight / weight.sum(axis=-1, keepdims=True)
    powers = np.stack([np.ones_like(x), x, x**2], axis=1)
    for _ in range(50):
        active = np.flatnonzero(~converged)
        if not len(active):
            break
        w, (a, b) = weight[active], coefficients[active].T
        # |log-odds| beyond 40 add nothing in double precision, and would overflow.
        fitted = 1 / (1 + np.exp(-np.clip(a[:, None] + b[:, None] * x, -40, 40)))
        g0, g1 = ((w * (truth - fitted)) @ powers[:, :2]).T
        h00, h01, h11 = ((w * fitted * (1 - fitted)) @ powers).T
        determinant = np.maximum(h00 * h11 - h01**2, 1e-300)
        step = np.stack([h11 * g0 - h01 * g1, h00 * g1 - h01 * g0], axis=-1) / determinant[:, None]
        coefficients[active] += np.clip(step, -1, 1)
        converged[active] = np.abs(step).max(axis=-1) < 1e-8
    return np.where(converged, coefficients[:, 1], np.nan)


def _clipped(probability: np.ndarray) -> np.ndarray:
    return np.clip(probability, EPSILON, 1 - EPSILON)
