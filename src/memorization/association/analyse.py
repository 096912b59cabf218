"""The whole answer, from the sample to the tables and metrics of the stage."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from memorization.association.correlation import correlation_table, matrix_of
from memorization.association.families import family_scores, n_models, verdict
from memorization.association.kinds import kinds
from memorization.association.univariate import AGREEMENTS, CHANCE, univariate
from memorization.evaluation.bootstrap import Bootstrap
from memorization.study import Study


@dataclass(frozen=True)
class Association:
    """What the association stage writes.

    Attributes
    ----------
    univariate : DataFrame, as `memorization.tables.ASSOCIATION`.
    correlation : DataFrame, as `memorization.tables.CORRELATION`.
    metrics : dict, ``n``, ``cases``, ``population`` (that the rows stand for), ``agreement`` (how
        many features agree with what was expected of them, contradict it, …; ``told_apart``: from
        chance; ``undecided_open``: of the undecided, those without expectation), ``families``:
        family -> see `describe`, ``tiers``: see `families.FamilyScores`, and ``kinds``: see
        `kinds.kinds`.
    """

    univariate: pd.DataFrame
    correlation: pd.DataFrame
    metrics: dict[str, Any]


def associate(
    study: Study,
    bootstrap: Bootstrap,
    advance: Callable[[int], object] = lambda done: None,
    processes: int = 1,
) -> Association:
    """Return which features go with memorization.

    Parameters
    ----------
    advance : told ``1`` after each feature and each model; there are `n_steps`.
    processes : to use at most; the result does not depend on it.

    Raises
    ------
    UserError
        If the study has no memorized sequence, or nothing else.
    """
    study.require_both_classes()
    single = univariate(study, bootstrap, advance, processes)
    scores = family_scores(study, bootstrap, advance, processes)
    correlation = correlation_table(study.features, study.weight)
    metrics = {
        "n": len(study),
        "cases": int(study.truth.sum()),
        "population": float(study.weight.sum()),
        "agreement": count_agreement(single),
        "families": {
            family: describe(family, score, single, correlation)
            for family, score in scores.families.items()
        },
        "tiers": scores.tiers,
        "kinds": kinds(study, bootstrap),
    }
    return Association(single, correlation, metrics)


def n_steps(features: pd.DataFrame) -> int:
    """Return how often `associate` reports progress."""
    columns = [str(name) for name in features]
    return len(columns) + n_models(columns)


def count_agreement(single: pd.DataFrame) -> dict[str, int]:
    """Return how many features fare how against what was expected of them; see `Association`."""
    agreement = single["agreement"]
    undecided = agreement == "undecided"
    return {name: int((agreement == name).sum()) for name in AGREEMENTS} | {
        "told_apart": int((single["observed"] != "0").sum()),
        "undecided_open": int((undecided & (single["expected"] == "?")).sum()),
    }


def describe(
    family: str, score: dict[str, Any], single: pd.DataFrame, correlation: pd.DataFrame
) -> dict[str, Any]:
    """Return a family's scores with its best feature, what that repeats, and the verdict.

    Added are ``best`` (the feature whose AUROC is furthest from one half) and ``best_auroc``;
    ``told_apart``, how many features' intervals exclude one half; ``nearest``, the feature of
    another family that correlates most with the best, and ``nearest_spearman``, both null where
    there is none; ``verdict``.
    """
    own = single[single["family"] == family]
    distance = np.abs(own["auroc"].to_numpy() - CHANCE)
    best = own.iloc[int(np.argmax(np.nan_to_num(distance)))]
    names = single["feature"].tolist()
    row = matrix_of(correlation, names)[names.index(best["feature"])]
    row = np.where(single["family"] == family, np.nan, row)
    known = bool(np.isfinite(row).any())
    nearest = int(np.nanargmax(np.abs(row))) if known else -1
    return score | {
        "best": best["feature"],
        "best_auroc": {
            "value": float(best["auroc"]),
            "low": float(best["low"]),
            "high": float(best["high"]),
        },
        "told_apart": int((own["observed"] != "0").sum()),
        "nearest": names[nearest] if known else None,
        "nearest_spearman": float(row[nearest]) if known else None,
        "verdict": verdict(score),
    }
