"""Logistic regression: additive in the log-odds, so that every coefficient can be read.

Counts enter as log(1 + count), because the step from one copy to two matters more than that from
100 to 101; which columns are counts is told by their names, which end in ``_count``. Missing values
become the median and a column that says so. Then all columns have mean 0 and variance 1 in the
sample, so that the L2 penalty treats them alike. (In the population would do as well, but a
weighted StandardScaler takes the root of a negative variance where a column is constant.)
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from memorization.whether.models.fitted import Fitted, unit_weight

# Inverse strength of the penalty; with weights of mean 1, one row's worth of prior on each
# standardised coefficient.
C = 1.0


def count_columns(columns: list[str]) -> list[str]:
    """Return the columns that hold counts: those whose name ends in ``_count``.

    >>> count_columns(["duplication.sequence_count", "surprisal.mean"])
    ['duplication.sequence_count']
    """
    return [column for column in columns if column.endswith("_count")]


def fit(features: pd.DataFrame, truth: np.ndarray, weight: np.ndarray, seed: int) -> Fitted:
    """Return a logistic regression, weighted to the population; see `fitted.Fit`.

    The seed is not used: the optimum is unique.
    """
    log = FunctionTransformer(np.log1p, feature_names_out="one-to-one")
    pipeline = Pipeline(
        [
            (
                "counts",
                ColumnTransformer(
                    [("log", log, count_columns(list(features.columns)))], remainder="passthrough"
                ),
            ),
            ("missing", SimpleImputer(strategy="median", add_indicator=True)),
            ("scale", StandardScaler()),
            ("classify", LogisticRegression(C=C, max_iter=2000, tol=1e-6)),
        ]
    )
    weight = unit_weight(weight)
    pipeline.fit(features, truth, classify__sample_weight=weight)
    return Fitted(pipeline)
