"""Logistic regression: additive in the log-odds, so that every coefficient can be read.

Counts enter as log(1 + count), because the step from one copy to two matters more than that from
100 to 101; which columns are counts is told by their names, which end in ``_count``. Missing values
become the mean and a column that says so. Then all columns have mean 0 and variance 1 in the
sample, so that the L2 penalty treats them alike. (In the population would do as well, but a
weighted StandardScaler takes the root of a negative variance where a column is constant.)

How strong the penalty is, is chosen anew in every fit, by cross-validation over the folds of the
rows that it is fitted to, so that no cluster of texts judges what was fitted to it. One strength
for all would not do: a hundred correlated columns need a strong penalty, a single one a weak one.
"""

from __future__ import annotations

from typing import Self

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from memorization.evaluation.crossfit import thin, unit_weight
from memorization.evaluation.metrics.probability import log_loss
from memorization.study import Study
from memorization.whether.models.classifier import Classifier

# Inverse strengths of the penalty to choose from, a decade apart, the strongest first. With
# weights of mean 1 it is the variance that is expected of a standardised coefficient.
GRID = (0.01, 0.1, 1.0, 10.0)

# Of many rows and few columns: a dozen Newton steps, where L-BFGS takes hundreds.
SOLVER = "newton-cholesky"
# Where nothing can be chosen: no two folds, or one class alone outside each of them.
DEFAULT = 0.1

# Rows that the choice is made on at most, the memorized first; the model is fitted to all.
LARGEST = 5_000


class Logistic(Classifier):
    """Logistic regression, weighted to the population."""

    @classmethod
    def train(cls, rows: Study, seed: int) -> Self:
        """Return the regression.

        The seed thins the rows that the penalty is chosen on, beyond `LARGEST`; the optimum is
        unique.
        """
        c = choose_c(rows, seed)
        classify = LogisticRegression(C=c, solver=SOLVER, max_iter=200, tol=1e-6)
        pipeline = Pipeline([*_covariates(rows.features), ("classify", classify)])
        weight = unit_weight(rows.weight)
        pipeline.fit(rows.features, rows.truth, classify__sample_weight=weight)
        return cls(pipeline, chosen={"C": c})


def choose_c(study: Study, seed: int) -> float:
    """Return the C of `GRID` of the lowest weighted log loss, out of fold; of equal ones the least.

    A fold is predicted by what is fitted to the others, if these are of both classes.
    """
    rows = thin(study, LARGEST, np.random.default_rng(seed))
    probability = np.full((len(GRID), len(rows)), np.nan)
    for test in np.unique(rows.fold):
        train = rows.fold != test
        if rows.truth[train].any() and not rows.truth[train].all():
            probability[:, ~train] = _path(rows.take(train), rows.features[~train])
    scored = ~np.isnan(probability[0])
    if not scored.any():
        return DEFAULT
    losses = [
        float(log_loss(rows.truth[scored], p[scored], rows.weight[scored])) for p in probability
    ]
    return GRID[int(np.argmin(losses))]


def _path(rows: Study, others: pd.DataFrame) -> np.ndarray:
    """Return the probabilities of other rows, by C, float [g, m]."""
    covariates = Pipeline(_covariates(rows.features)).fit(rows.features)
    known, other = covariates.transform(rows.features), covariates.transform(others)
    # Each from the optimum of the stronger penalty before; four digits do for a comparison.
    model = LogisticRegression(solver=SOLVER, max_iter=200, tol=1e-4, warm_start=True)
    found = []
    for c in GRID:
        model.set_params(C=c)
        model.fit(known, rows.truth, sample_weight=unit_weight(rows.weight))
        found.append(model.predict_proba(other)[:, 1])
    return np.stack(found)


def _covariates(features: pd.DataFrame) -> list[tuple[str, object]]:
    """Return the steps from features to standardised covariates."""
    log = FunctionTransformer(np.log1p, feature_names_out="one-to-one")
    counts = [column for column in features if str(column).endswith("_count")]
    return [
        ("counts", ColumnTransformer([("log", log, counts)], remainder="passthrough")),
        # A column without a known value is kept, constant: it may be the only one.
        ("missing", SimpleImputer(strategy="mean", add_indicator=True, keep_empty_features=True)),
        ("scale", StandardScaler()),
    ]
