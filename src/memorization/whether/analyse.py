"""The whole answer: from a study and a list of models to predictions and metrics."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from memorization.evaluation.bootstrap import Bootstrap, Replicated, gains
from memorization.evaluation.crossfit import Candidate, CrossFit, candidates, cross_fit
from memorization.features import feature_of
from memorization.parallel import side_by_side
from memorization.protocol import TIERS
from memorization.randomness import generator
from memorization.strata import COUNTS, finest_count
from memorization.study import Study
from memorization.whether.importance import permutation_importance
from memorization.whether.models import BASELINES, BinaryModel
from memorization.whether.models.classifier import FeatureModel
from memorization.whether.models.single_feature import single_feature_scores
from memorization.whether.scores import (
    SURPRISAL,
    decide,
    estimates,
    matched,
    prevalence,
    rankings,
    repeated,
    score,
    strata,
    uncertain,
    unexposed,
)

# Weaker splits, whose gain is what leakage buys: of the lowest and the highest tier, since each
# takes as long as all folds of the right one.
LEAKY = ("fold_continuation", "fold_random")

# Of each kind of hard cases.
CASES = 12

# Replicates behind an importance, of which there are hundreds.
IMPORTANCE_REPLICATES = 200


@dataclass(frozen=True)
class Analysis:
    """What the whether stage writes.

    Attributes
    ----------
    predictions : DataFrame, as `memorization.tables.WHETHER`.
    importance : DataFrame, as `memorization.tables.IMPORTANCE`.
    metrics : dict, tier -> model -> metric -> value, low, high; with n, cases, prevalence, what
        models chose, gains, leakage, strata of each count, the scores of unexposed rows alone, of
        those that recur, of those where the count leaves in doubt what happens and of those matched
        in count and surprisal, the hardest cases, and the average precision of every feature by
        itself.
    fitted : dict, (tier, model) -> classifier fitted to the whole sample; without the baselines.
    """

    predictions: pd.DataFrame
    importance: pd.DataFrame
    metrics: dict[str, Any]
    fitted: dict[tuple[str, str], BinaryModel]


def planned(study: Study, models: Mapping[str, type[BinaryModel]]) -> list[Candidate]:
    """Return every baseline and model at every tier that it is reported in."""
    every = {**BASELINES, **models}
    usable = {
        name: model
        for name, model in every.items()
        if study.text is not None or not model.reads_text
    }
    return candidates(usable, study.tiers, "whether")[0]


def analyse(
    study: Study,
    models: Mapping[str, type[BinaryModel]],
    bootstrap: Bootstrap,
    advance: Callable[[int], object] = lambda done: None,
    processes: int = 1,
) -> Analysis:
    """Return predictions, importance, metrics and fitted classifiers of every model at every tier.

    Parameters
    ----------
    models : by name; baselines join them.
    advance : told ``1`` whenever a model is done at a tier.
    processes : to use at most; the result does not depend on it.

    Raises
    ------
    UserError
        If the study has no memorized sequence, or nothing else.
    """
    study.require_both_classes()
    results = side_by_side(
        _examine,
        planned(study, models),
        study,
        bootstrap,
        processes=processes,
        advance=advance,
    )
    return Analysis(
        predictions=pd.concat([_predictions(study, r) for r in results], ignore_index=True),
        importance=pd.concat([r.importance for r in results], ignore_index=True),
        metrics=_metrics(study, results, bootstrap),
        fitted={r.candidate.key: r.fitted for r in results if r.fitted is not None},
    )


@dataclass(frozen=True)
class _Result:
    candidate: Candidate
    probability: np.ndarray
    decision: np.ndarray
    ranked: dict[str, Replicated]
    metrics: dict[str, Any]
    chosen: dict[str, Any]
    # Of models of features alone.
    leakage: dict[str, Any]
    importance: pd.DataFrame
    fitted: BinaryModel | None


def _examine(candidate: Candidate, study: Study, bootstrap: Bootstrap) -> _Result:
    """Return everything about one model at one tier; of a baseline, predictions and metrics."""
    crossfit = cross_fit(candidate, study)
    ranked = rankings(study, crossfit.prediction, bootstrap)
    decision = decide(candidate, study, crossfit)
    metrics = score(study, crossfit, decision, ranked, bootstrap)
    predicted = (candidate, crossfit.prediction, decision, ranked, metrics)
    chosen = _chosen(crossfit)
    if candidate.model.is_baseline or not issubclass(candidate.model, FeatureModel):
        # What a model reads in the text itself is no feature that could be permuted.
        return _Result(*predicted, chosen, {}, pd.DataFrame(), None)
    leakage = {}
    tiers = list(study.tiers)
    for scheme in LEAKY if candidate.tier in (tiers[0], tiers[-1]) else ():
        leaky = study.refolded(scheme)
        own = rankings(leaky, cross_fit(candidate, leaky).prediction, bootstrap)
        leakage[scheme] = estimates(own, bootstrap.level, ranked)
    importance = permutation_importance(
        crossfit.fitted,
        study.only(candidate.columns),
        bootstrap.first(IMPORTANCE_REPLICATES),
        generator(study.seed, f"{candidate.purpose}/importance"),
    )
    importance.insert(0, "model", candidate.name)
    importance.insert(1, "tier", candidate.tier)
    fitted = candidate.fit(study)
    assert isinstance(fitted, BinaryModel)
    for name, value in fitted.chosen.items():
        chosen[name]["all_rows"] = value
    return _Result(*predicted, chosen, leakage, importance, fitted)


def _chosen(crossfit: CrossFit) -> dict[str, Any]:
    """Return what a model chose in each fit: setting -> ``without_fold``, a value for each fold."""
    fitted = [model for _, model in sorted(crossfit.fitted.items())]
    chosen = [model.chosen for model in fitted if isinstance(model, BinaryModel)]
    names = list(dict.fromkeys(name for found in chosen for name in found))
    return {name: {"without_fold": [found.get(name) for found in chosen]} for name in names}


def _metrics(study: Study, results: list[_Result], bootstrap: Bootstrap) -> dict[str, Any]:
    """Return the metrics of all results, nested by tier and model."""
    metrics: dict[str, Any] = {
        "n": len(study),
        "cases": int(study.truth.sum()),
        "prevalence": bootstrap.estimate(prevalence, study.truth, study.truth, study.weight),
        "chosen": {},
        "leakage": {scheme: {} for scheme in LEAKY},
        "single_features": _single_features(study),
    }
    for result in results:
        tier, name = result.candidate.key
        metrics.setdefault(tier, {})[name] = result.metrics
        for scheme, leakage in result.leakage.items():
            metrics["leakage"][scheme].setdefault(tier, {})[name] = leakage
        if result.chosen:
            metrics["chosen"].setdefault(tier, {})[name] = result.chosen
    baselines = {r.candidate.name for r in results if r.candidate.model.is_baseline}
    ranked = {r.candidate.key: r.ranked for r in results}
    metrics["gains"] = gains(ranked, baselines, bootstrap.level)
    probabilities = {r.candidate.key: r.probability for r in results}
    metrics["strata"] = {
        column.partition(".")[2]: strata(study, column, probabilities, bootstrap)
        for column in COUNTS.values()
        if column in study.features
    }
    counted = finest_count(study.features.columns)
    if counted is not None:
        metrics["repeated"] = repeated(study, counted, probabilities, bootstrap)
        metrics["uncertain"] = uncertain(study, counted, probabilities, bootstrap)
        metrics["hard_cases"] = _hard_cases(study, counted, ranked, probabilities)
    if counted is not None and SURPRISAL in study.features:
        metrics["matched"] = matched(study, counted, probabilities, bootstrap)
    if study.splits["exposed"].any():
        metrics["unexposed"] = unexposed(study, probabilities, bootstrap)
    return metrics


def _hard_cases(
    study: Study,
    counted: str,
    ranked: Mapping[tuple[str, str], Mapping[str, Replicated]],
    probabilities: Mapping[tuple[str, str], np.ndarray],
) -> dict[str, Any]:
    """Return the hardest cases, and what the best of those that know the count said of them."""
    tier = feature_of(counted).tier
    best = max(
        (key for key in ranked if key[0] == tier),
        key=lambda key: ranked[key]["average_precision"].value,
    )
    return {"tier": tier, "model": best[1]} | hard_cases(study, counted, probabilities[best])


def hard_cases(
    study: Study, column: str, probability: np.ndarray
) -> dict[str, list[dict[str, Any]]]:
    """Return the rarest that are memorized and the most frequent that are not.

    One of each cluster, since copies of one text would fill the list; of equal counts the first in
    training order.

    Parameters
    ----------
    column : the feature that holds the count.
    probability : of each row, out of fold, float [n].

    Returns
    -------
    dict
        ``memorized_though_rare`` and ``not_memorized_though_frequent``: at most `CASES` of each,
        as ``index``, ``count`` and ``probability``.
    """
    count = study.features[column].to_numpy()
    kinds = {
        "memorized_though_rare": (study.truth, count),
        "not_memorized_though_frequent": (~study.truth, -count),
    }
    found = {}
    for name, (kind, order) in kinds.items():
        rows = np.flatnonzero(kind)
        rows = rows[np.lexsort((study.index[rows], order[rows]))]
        _, first = np.unique(study.cluster[rows], return_index=True)
        found[name] = [
            {
                "index": int(study.index[row]),
                "count": int(count[row]),
                "probability": float(probability[row]),
            }
            for row in rows[np.sort(first)][:CASES]
        ]
    return found


def _single_features(study: Study) -> dict[str, dict[str, float]]:
    """Return the average precision of every feature by itself, under the tier that it is of."""
    scores = single_feature_scores(study)
    found: dict[str, dict[str, float]] = {}
    for name, value in scores.items():
        found.setdefault(feature_of(name).tier, {})[name] = value
    return {tier: found[tier] for tier in TIERS if tier in found}


def _predictions(study: Study, result: _Result) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "index": study.index,
            "model": result.candidate.name,
            "tier": result.candidate.tier,
            "fold": study.fold,
            "probability": result.probability,
            "positive": result.decision,
        }
    )
