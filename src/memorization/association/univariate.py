"""How well each feature alone ranks the memorized above the rest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from memorization.evaluation.bootstrap import Bootstrap
from memorization.evaluation.metrics.ranking import auroc
from memorization.features import feature_of
from memorization.parallel import side_by_side
from memorization.study import Study

CHANCE = 0.5

# What the interval of a feature's AUROC says of its hypothesis; see `agreement`.
AGREEMENTS = ("agrees", "contradicts", "open", "undecided", "constant")


def univariate(
    study: Study,
    bootstrap: Bootstrap,
    advance: Callable[[int], object] = lambda done: None,
    processes: int = 1,
) -> pd.DataFrame:
    """Return the AUROC of every feature with its interval, one feature a row.

    It is the probability that a random memorized sequence of the population has a higher value than
    a random other one, ties counted half; so above one half where a higher value goes with
    memorization, below where a lower one does. Rows whose value is missing are left out.

    Parameters
    ----------
    advance : told ``1`` after each feature.
    processes : to use at most; the result does not depend on it.

    Returns
    -------
    DataFrame, as `memorization.tables.ASSOCIATION`: feature, family, tier, expected (the declared
    direction), auroc, low, high, observed ('+', '-', or '0' where the interval holds one half or is
    undefined), agreement (see `agreement`), missing (share of the population), and, of the others
    than the most common value, uncommon (their share of the population), n_uncommon (rows that hold
    one) and n_uncommon_cases (of these the memorized).
    """
    names = [str(name) for name in study.features]
    rows = side_by_side(_row, names, study, bootstrap, processes=processes, advance=advance)
    return pd.DataFrame(rows)


def _row(name: str, study: Study, bootstrap: Bootstrap) -> dict[str, Any]:
    """Return the row of a feature."""
    truth, weight = study.truth, study.weight
    values = study.features[name].to_numpy(dtype=np.float64)
    known = np.isfinite(values)
    some = np.arange(len(study)) if known.all() else known
    found = bootstrap.take(some).estimate(auroc, truth[some], values[some], weight[some])
    feature = feature_of(name)
    observed = "+" if found["low"] > CHANCE else "-" if found["high"] < CHANCE else "0"
    uncommon = is_uncommon(values, weight)
    return {
        "feature": name,
        "family": name.partition(".")[0],
        "tier": feature.tier,
        "expected": feature.direction,
        "auroc": found["value"],
        "low": found["low"],
        "high": found["high"],
        "observed": observed,
        "agreement": agreement(feature.direction, observed, bool(uncommon.any())),
        "missing": float(weight[~known].sum() / weight.sum()),
        "uncommon": float(weight[uncommon].sum() / weight.sum()),
        "n_uncommon": int(uncommon.sum()),
        "n_uncommon_cases": int((uncommon & truth).sum()),
    }


def is_uncommon(values: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Return which rows hold another value than the population's most common one, bool [n].

    A missing value is no other value; of several most common ones the lowest counts.

    >>> is_uncommon(np.array([0.0, 5.0, 0.0, np.nan]), np.ones(4)).tolist()
    [False, True, False, False]

    Parameters
    ----------
    values : float [n]
    weight : float [n]
    """
    known = np.isfinite(values)
    found = np.zeros(len(values), dtype=bool)
    if known.any():
        level, own = np.unique(values[known], return_inverse=True)
        mass = np.bincount(own, weights=weight[known], minlength=len(level))
        found[known] = own != mass.argmax()
    return found


def agreement(expected: str, observed: str, varies: bool = True) -> str:
    """Return what an observed direction says of the expected one.

    'undecided' whatever was expected where the feature is not told from chance, 'open' where it is
    told and nothing was expected, 'constant' where all sequences have the same value.

    >>> agreement("+", "+"), agreement("+", "-"), agreement("?", "-")
    ('agrees', 'contradicts', 'open')
    >>> agreement("-", "0"), agreement("?", "0"), agreement("+", "0", varies=False)
    ('undecided', 'undecided', 'constant')
    """
    if not varies:
        return "constant"
    if observed == "0":
        return "undecided"
    if expected == "?":
        return "open"
    return "agrees" if expected == observed else "contradicts"
