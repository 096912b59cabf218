"""How well each feature alone ranks the memorized above the rest."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from memorization.features import feature_of
from memorization.metrics.bootstrap import estimate
from memorization.metrics.ranking import auroc

CHANCE = 0.5


def univariate(
    features: pd.DataFrame,
    truth: np.ndarray,
    weight: np.ndarray,
    drawn: np.ndarray,
    level: float,
    advance: Callable[[int], object] = lambda done: None,
) -> pd.DataFrame:
    """Return the AUROC of every feature with its interval, one feature a row.

    It is the probability that a random memorized sequence of the population has a higher value than
    a random other one, ties counted half; so above one half where a higher value goes with
    memorization, below where a lower one does. Rows whose value is missing are left out.

    Parameters
    ----------
    features : DataFrame [n], columns named family.name.
    truth : bool [n]
    weight : float [n]
    drawn : int [r, n], from `memorization.metrics.bootstrap.cluster_multiplicities`.
    level : coverage of the intervals.
    advance : told ``1`` after each feature.

    Returns
    -------
    DataFrame, as `memorization.tables.ASSOCIATION`: feature, family, tier, expected (the declared
    direction), auroc, low, high, observed ('+', '-', or '0' where the interval holds one half or is
    undefined), agreement (see `agreement`), missing (share of the population).
    """
    rows = []
    for name in features:
        column = str(name)
        values = features[column].to_numpy(dtype=np.float64)
        known = np.isfinite(values)
        some = slice(None) if known.all() else known
        found = estimate(auroc, truth[some], values[some], weight[some], drawn[:, some], level)
        feature = feature_of(column)
        observed = "+" if found["low"] > CHANCE else "-" if found["high"] < CHANCE else "0"
        rows.append(
            {
                "feature": column,
                "family": column.partition(".")[0],
                "tier": feature.tier,
                "expected": feature.direction,
                "auroc": found["value"],
                "low": found["low"],
                "high": found["high"],
                "observed": observed,
                "agreement": agreement(feature.direction, observed),
                "missing": float(weight[~known].sum() / weight.sum()),
            }
        )
        advance(1)
    return pd.DataFrame(rows)


def agreement(expected: str, observed: str) -> str:
    """Return what an observed direction says of the expected one.

    >>> agreement("+", "+"), agreement("+", "-"), agreement("-", "0"), agreement("?", "-")
    ('agrees', 'contradicts', 'undecided', 'open')
    """
    if expected == "?":
        return "open"
    if observed == "0":
        return "undecided"
    return "agrees" if expected == observed else "contradicts"
