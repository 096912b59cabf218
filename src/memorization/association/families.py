"""What each family of features knows by itself, and what it adds to all others."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from memorization.features import feature_of, features_of_tier
from memorization.metrics.bootstrap import estimate, interval, replicate
from memorization.protocol import TIERS
from memorization.whether.evaluate import out_of_fold
from memorization.whether.models import logistic
from memorization.whether.scores import ranking_metrics

Estimate = dict[str, float]


def families_of(columns: Sequence[str]) -> dict[str, list[str]]:
    """Return family -> its columns, in their order.

    >>> families_of(["position.step", "domain.law", "position.end_of_text"])
    {'position': ['position.step', 'position.end_of_text'], 'domain': ['domain.law']}
    """
    found: dict[str, list[str]] = {}
    for column in columns:
        found.setdefault(column.partition(".")[0], []).append(column)
    return found


def highest_tier(columns: Sequence[str]) -> str:
    """Return the highest tier of some features.

    >>> highest_tier(["position.end_of_text", "position.step"])
    'corpus'
    """
    return max((feature_of(column).tier for column in columns), key=TIERS.index)


def family_scores(
    features: pd.DataFrame,
    truth: np.ndarray,
    weight: np.ndarray,
    fold: np.ndarray,
    drawn: np.ndarray,
    level: float,
    seed: int,
    advance: Callable[[int], object] = lambda done: None,
) -> dict[str, dict[str, Any]]:
    """Return how well each family ranks by itself, and what it adds to the others of its tier.

    Logistic regression, out of fold, in both. "The others" are all features of the family's highest
    tier and those below; what the family adds is the loss when these are fitted without it.

    Parameters
    ----------
    features : DataFrame [n], columns named family.name.
    truth : bool [n]
    weight : float [n]
    fold : int [n]
    drawn : int [r, n], from `memorization.metrics.bootstrap.cluster_multiplicities`.
    level : coverage of the intervals.
    seed : of the fits.
    advance : told ``1`` after each model; there are `n_models`.

    Returns
    -------
    dict
        family -> ``tier``, ``features`` (their number), ``auroc``, ``average_precision``, and
        ``auroc_added``, ``average_precision_added`` (absent where there is nothing to add to), each
        ``{value, low, high}``.
    """

    def fitted(columns: Sequence[str]) -> np.ndarray:
        found = out_of_fold(logistic.fit, features[list(columns)], truth, weight, fold, seed)
        advance(1)
        return found

    metrics = ranking_metrics(fold)
    columns = [str(name) for name in features]
    whole: dict[str, np.ndarray] = {}
    found: dict[str, dict[str, Any]] = {}
    for family, own in families_of(columns).items():
        alone = fitted(own)
        tier = highest_tier(own)
        found[family] = {"tier": tier, "features": len(own)} | {
            name: estimate(metric, truth, alone, weight, drawn, level)
            for name, metric in metrics.items()
        }
        every = features_of_tier(columns, tier)
        others = [column for column in every if column not in own]
        if not others:
            continue
        if tier not in whole:
            whole[tier] = fitted(every)
        without = fitted(others)
        for name, metric in metrics.items():
            found[family][f"{name}_added"] = _difference(
                metric, truth, whole[tier], without, weight, drawn, level
            )
    return found


def n_models(columns: Sequence[str]) -> int:
    """Return how many models `family_scores` fits.

    >>> n_models(["position.end_of_text", "position.step", "domain.law"])
    5
    """
    total = 0
    tiers = set()
    for own in families_of(columns).values():
        tier = highest_tier(own)
        has_others = len(features_of_tier(columns, tier)) > len(own)
        total += 1 + has_others + (has_others and tier not in tiers)
        tiers |= {tier} if has_others else set()
    return total


def verdict(score: Mapping[str, Any]) -> str:
    """Return what a family's numbers say of its use.

    'no signal': the interval of its own AUROC holds one half, or lies below; 'redundant': it ranks
    better than chance, but the interval of the average precision that it adds to the others holds
    zero, or lies below; 'useful': it adds; 'undetermined' where an interval is undefined. A family
    without others needs add nothing.

    >>> score = {"auroc": {"low": 0.6}, "average_precision_added": {"low": 0.01}}
    >>> verdict(score), verdict(score | {"average_precision_added": {"low": -0.01}})
    ('useful', 'redundant')
    >>> verdict(score | {"auroc": {"low": 0.49}}), verdict({"auroc": {"low": float("nan")}})
    ('no signal', 'undetermined')
    """
    low = score["auroc"]["low"]
    added = score.get("average_precision_added", {"low": np.inf})["low"]
    if np.isnan(low) or np.isnan(added):
        return "undetermined"
    if low <= 0.5:
        return "no signal"
    return "useful" if added > 0 else "redundant"


def _difference(
    metric: Callable[[np.ndarray, np.ndarray, np.ndarray], Any],
    truth: np.ndarray,
    better: np.ndarray,
    worse: np.ndarray,
    weight: np.ndarray,
    drawn: np.ndarray,
    level: float,
) -> Estimate:
    """Return what a metric gains, with the interval of the paired difference."""
    values = [
        (float(metric(truth, score, weight)), replicate(metric, truth, score, weight, drawn))
        for score in (better, worse)
    ]
    low, high = interval(values[0][1] - values[1][1], level)
    return {"value": values[0][0] - values[1][0], "low": low, "high": high}
