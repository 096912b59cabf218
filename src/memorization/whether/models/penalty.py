"""The choice of a classifier's penalty, on few enough rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from memorization.evaluation.crossfit import thinned
from memorization.evaluation.penalty import Matrix, best_c
from memorization.study import Study

# Rows that the choice is made on at most, the memorized first; the model is fitted to all.
LARGEST = 3_000

Covariates = Callable[[Study], Matrix]


def choose_c(
    study: Study, grid: Sequence[float], default: float, covariates: Covariates, seed: int
) -> float:
    """Return the C of the lowest weighted log loss, out of fold, see `best_c`.

    Parameters
    ----------
    grid, default : as for `best_c`.
    covariates : of the rows, [n, c], from their features alone: made once, for all folds.
    seed : thins the rows, beyond `LARGEST`. The weights of those that are kept add up to as many
        rows as before: what penalty suits depends on how much there is to fit.
    """
    unit = study.weight / study.weight.mean()
    places, weight = thinned(study.truth, unit, LARGEST, np.random.default_rng(seed))
    rows = replace(study.take(places), weight=weight)
    return best_c(covariates(rows), rows.truth, weight, rows.fold, grid, default)
