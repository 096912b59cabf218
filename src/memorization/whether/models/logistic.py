"""Logistic regression: additive in the log-odds, so that every coefficient can be read.

Counts enter as log(1 + count), because the step from one copy to two matters more than that from
100 to 101; which columns are counts is told by their names, which end in ``_count``. All others
enter as normal scores, the quantile of the normal distribution at their rank: shares, sizes and
entropies of text have tails and lumps of every shape, and as they are, a few extreme values bend
the slope for all. Missing values become the mean and a column that says so. Then all columns have
mean 0 and variance 1 in the sample, so that the L2 penalty treats them alike. (In the population
would do as well, but a weighted StandardScaler takes the root of a negative variance where a column
is constant.)

How strong the penalty is, is chosen anew in every fit, on few enough rows; see `choose_c`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Self

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, QuantileTransformer, StandardScaler

from memorization.evaluation.crossfit import thinned, unit_weight
from memorization.evaluation.penalty import Matrix, best_c
from memorization.study import Study
from memorization.whether.models.classifier import Classifier

# Inverse strengths of the penalty to choose from, a decade apart, the strongest first. With
# weights of mean 1 it is the variance that is expected of a standardised coefficient.
GRID = (0.001, 0.01, 0.1, 1.0)

# Where nothing can be chosen.
DEFAULT = 0.1

# Quantiles that stand for a column's distribution.
QUANTILES = 100

# Rows that the choice is made on at most, the memorized first; the model is fitted to all.
LARGEST = 3_000


class Logistic(Classifier):
    """Logistic regression, weighted to the population."""

    @classmethod
    def train(cls, rows: Study, seed: int) -> Self:
        """Return the regression.

        The seed thins the rows that the penalty is chosen on; the optimum is unique.
        """
        c = choose_c(rows, GRID, DEFAULT, _known, seed)
        classify = LogisticRegression(C=c, solver="newton-cholesky")
        pipeline = Pipeline([*_covariates(rows.features), ("classify", classify)])
        weight = unit_weight(rows.weight)
        pipeline.fit(rows.features, rows.truth, classify__sample_weight=weight)
        return cls(pipeline, chosen={"C": c})


def choose_c(
    study: Study,
    grid: Sequence[float],
    default: float,
    covariates: Callable[[Study], Matrix],
    seed: int,
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


def _known(rows: Study) -> np.ndarray:
    """Return the covariates of some rows, float [n, c]."""
    return Pipeline(_covariates(rows.features)).fit_transform(rows.features)


def _covariates(features: pd.DataFrame) -> list[tuple[str, object]]:
    """Return the steps from features to standardised covariates."""
    log = FunctionTransformer(np.log1p, feature_names_out="one-to-one")
    scores = QuantileTransformer(
        n_quantiles=min(QUANTILES, len(features)),
        output_distribution="normal",
        # Rows that the quantiles are of, and their draw.
        subsample=10_000,
        random_state=0,
    )
    counts = [column for column in features if str(column).endswith("_count")]
    # A column without a known value has no ranks.
    ranked = [name for name in features if name not in counts and features[name].notna().any()]
    steps = [("log", log, counts), ("scores", scores, ranked)]
    return [
        ("shape", ColumnTransformer(steps, remainder="passthrough")),
        # A column without a known value is kept, constant: it may be the only one.
        ("missing", SimpleImputer(strategy="mean", add_indicator=True, keep_empty_features=True)),
        ("scale", StandardScaler()),
    ]
