"""The jackknife over clusters: how sure coefficients are, and how much too large."""

from __future__ import annotations

import numpy as np
from scipy.special import expit

# Floats of chances at a time: 32 MB.
BLOCK = 2**22
# Newton steps to the maximum without a cluster, from that of all: with the second, what is left is
# far below the bias.
STEPS = 2


def jackknife(
    x: np.ndarray,
    event: np.ndarray,
    weight: np.ndarray,
    cluster: np.ndarray,
    start: np.ndarray,
    penalty: float = 0.0,
) -> tuple[np.ndarray, np.ndarray]:
    """Return a logistic regression's coefficients without their bias, and standard errors.

    Maximum likelihood finds slopes that are too steep where the texts are few. The mean of the
    estimates that leave out a cluster at a time tells by how much (Quenouille 1956, "Notes on bias
    in estimation"); a correction of more than a standard error is none, and is left out. Their
    spread about the estimate of all gives the standard errors (CR3: Bell & McCaffrey 2002, "Bias
    reduction in standard errors for linear regression with multi-stage samples"): with few clusters
    of unequal size the plain sandwich is too narrow.

    Parameters
    ----------
    x : float64 [m, k], without the column of ones.
    event, weight, cluster : bool, float64 and int [m].
    start : float64 [1 + k], intercept and slopes near the maximum.
    penalty : lambda of lambda / 2 times the sum of the squared slopes.

    Returns
    -------
    value, error : float64 [1 + k]; of a column that does not vary, as at the start, and 0.
    """
    order = np.argsort(cluster, kind="stable")
    starts = np.unique(cluster[order], return_index=True)[1]
    ends, g = np.append(starts[1:], len(order)), len(starts)
    varies = np.append(True, x.std(axis=0) > 0)
    fixed = start[1:][~varies[1:]] @ x[0, ~varies[1:]]
    full = np.hstack([np.ones((len(x), 1)), x])[order][:, varies]
    y, w = event[order].astype(np.float64), weight[order]
    ridge = np.full(full.shape[1], penalty)
    ridge[0] = 0.0

    theta = start[varies].astype(np.float64)
    theta[0] += fixed
    for _ in range(STEPS):
        chance = expit(full @ theta)
        curvature = (full.T * (w * chance * (1 - chance))) @ full + np.diag(ridge)
        theta += np.linalg.solve(curvature, full.T @ (w * (y - chance)) - ridge * theta)

    chance = expit(full @ theta)
    bent = w * chance * (1 - chance)
    own = np.stack(
        [
            (full[a:b].T * bent[a:b]) @ full[a:b]
            for a, b in zip(starts.tolist(), ends.tolist(), strict=True)
        ]
    )
    without = own.sum(axis=0) + np.diag(ridge) - own
    each = np.tile(theta, (g, 1))
    size = max(1, BLOCK // len(full))
    for _ in range(STEPS):
        for first in range(0, g, size):
            block = slice(first, min(first + size, g))
            score = _score_without(full, y, w, each[block], starts[block], ends[block])
            each[block] += np.linalg.solve(
                without[block], (score - ridge * each[block])[:, :, None]
            )[:, :, 0]
    error = np.sqrt(((each - theta) ** 2).sum(axis=0) * (g - 1) / g)
    bias = (g - 1) * (each.mean(axis=0) - theta)
    theta[0] -= fixed
    value, spread = start.astype(np.float64), np.zeros(len(start))
    value[varies] = np.where(np.abs(bias) <= error, theta - bias, theta)
    spread[varies] = error
    return value, spread


def _score_without(
    full: np.ndarray,
    y: np.ndarray,
    weight: np.ndarray,
    each: np.ndarray,
    starts: np.ndarray,
    ends: np.ndarray,
) -> np.ndarray:
    """Return the gradient over all rows but those of one cluster, float64 [g, k], of g clusters.

    Parameters
    ----------
    each : float64 [g, k], where the gradient is taken.
    starts, ends : of the clusters' rows, which follow each other.
    """
    residual = (y - expit(each @ full.T)) * weight
    rows = slice(starts[0], ends[-1])
    of = np.repeat(np.arange(len(starts)), ends - starts)
    mine = full[rows] * residual[of, np.arange(rows.start, rows.stop)][:, None]
    return residual @ full - np.add.reduceat(mine, starts - starts[0])
