"""How strong the penalty of a logistic regression is: chosen by cross-validation, in every fit.

Over the folds of the rows that are fitted, so that no cluster of texts judges what was fitted to
it. One strength for all would not do: a hundred correlated columns need a strong penalty, a single
one a weak one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeAlias

import numpy as np
from scipy.sparse import csr_array
from sklearn.linear_model import LogisticRegression

from memorization.evaluation.crossfit import thinned
from memorization.evaluation.metrics.probability import log_loss
from memorization.study import Study

# Rows that the choice is made on at most, the memorized first; the model is fitted to all.
LARGEST = 3_000

Matrix: TypeAlias = np.ndarray | csr_array
# (rows to fit to, rows to predict) -> covariates of both, made from the first alone.
Covariates = Callable[[Study, Study], tuple[Matrix, Matrix]]


def choose_c(
    study: Study, grid: Sequence[float], default: float, covariates: Covariates, seed: int
) -> float:
    """Return the C of the lowest weighted log loss, out of fold; of equal ones the first.

    A fold is predicted by what is fitted to the others, if these are of both classes.

    Parameters
    ----------
    grid : inverse strengths to choose from, the strongest penalty first.
    default : where nothing can be chosen: no two folds, or one class alone outside each of them.
    seed : thins the rows, beyond `LARGEST`. The weights of those that are kept add up to as many
        rows as before: what penalty suits depends on how much there is to fit.
    """
    unit = study.weight / study.weight.mean()
    places, weight = thinned(study.truth, unit, LARGEST, np.random.default_rng(seed))
    rows = replace(study.take(places), weight=weight)
    probability = np.full((len(grid), len(rows)), np.nan)
    for test in np.unique(rows.fold):
        train = rows.fold != test
        if rows.truth[train].any() and not rows.truth[train].all():
            probability[:, ~train] = _path(rows.take(train), rows.take(~train), grid, covariates)
    scored = ~np.isnan(probability[0])
    if not scored.any():
        return default
    losses = [float(log_loss(rows.truth[scored], p[scored], weight[scored])) for p in probability]
    return grid[int(np.argmin(losses))]


def _path(rows: Study, others: Study, grid: Sequence[float], covariates: Covariates) -> np.ndarray:
    """Return the probabilities of other rows, by C, float [g, m]."""
    known, other = covariates(rows, others)
    # Each from the optimum of the stronger penalty before; three digits do for a comparison.
    model = LogisticRegression(max_iter=2000, tol=1e-3, warm_start=True)
    found = []
    for c in grid:
        model.set_params(C=c)
        model.fit(known, rows.truth, sample_weight=rows.weight)
        found.append(model.predict_proba(other)[:, 1])
    return np.stack(found)
