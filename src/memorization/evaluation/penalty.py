"""How strong the penalty of a logistic regression is: chosen by cross-validation, in every fit.

Over the folds of the rows that are fitted, so that no cluster of texts judges what was fitted to
it. One strength for all would not do: a hundred correlated columns need a strong penalty, a single
one a weak one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from scipy.sparse import csr_array
from sklearn.linear_model import LogisticRegression

from memorization.evaluation.metrics.probability import log_loss

Matrix: TypeAlias = np.ndarray | csr_array


def best_c(
    covariates: Matrix,
    truth: np.ndarray,
    weight: np.ndarray,
    fold: np.ndarray,
    grid: Sequence[float],
    default: float,
    solver: str = "lbfgs",
) -> float:
    """Return the C of the lowest weighted log loss, out of fold; of equal ones the first.

    A fold is predicted by what is fitted to the others, if these are of both classes.

    Parameters
    ----------
    covariates, truth, weight, fold : float [m, k], bool, float and int [m].
    grid : inverse strengths to choose from, the strongest penalty first.
    default : where nothing can be chosen: no two folds, or one class alone outside each of them.
    solver : of scikit-learn; "newton-cholesky" where columns are of different scales, and few.
    """
    probability = np.full((len(grid), len(truth)), np.nan)
    for test in np.unique(fold):
        train = fold != test
        if truth[train].any() and not truth[train].all():
            probability[:, ~train] = _path(
                covariates[train], truth[train], weight[train], covariates[~train], grid, solver
            )
    scored = ~np.isnan(probability[0])
    if not scored.any():
        return default
    losses = [float(log_loss(truth[scored], p[scored], weight[scored])) for p in probability]
    return grid[int(np.argmin(losses))]


def _path(
    known: Matrix,
    truth: np.ndarray,
    weight: np.ndarray,
    others: Matrix,
    grid: Sequence[float],
    solver: str,
) -> np.ndarray:
    """Return the probabilities of other rows, by C, float [g, m]."""
    # Each from the optimum of the stronger penalty before; three digits do for a comparison.
    model = LogisticRegression(max_iter=2000, tol=1e-3, warm_start=True, solver=solver)
    found = []
    for c in grid:
        model.set_params(C=c)
        model.fit(known, truth, sample_weight=weight)
        found.append(model.predict_proba(others)[:, 1])
    return np.stack(found)
