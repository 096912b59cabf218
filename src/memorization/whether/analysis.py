"""The whole analysis of one sample: from features and labels to predictions and metrics."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from memorization.errors import UserError
from memorization.evaluation.bootstrap import Replicated, cluster_multiplicities, estimate
from memorization.evaluation.gains import gains
from memorization.parallel import side_by_side
from memorization.randomness import generator
from memorization.tables import joined
from memorization.whether.baselines import COUNTS
from memorization.whether.evaluate import (
    Candidate,
    CrossFit,
    candidates,
    cross_fit,
    out_of_fold,
)
from memorization.whether.importance import permutation_importance
from memorization.whether.models.fitted import Fitted, ModelFit
from memorization.whether.scores import (
    leakage,
    prevalence,
    rankings,
    score,
    strata,
    unexposed,
)

LEAKY = ("fold_continuation", "fold_random")

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
        models chose, gains, leakage, strata of each count, and the scores of unexposed rows alone.
    fitted : dict, (tier, model) -> classifier fitted to the whole sample.
    """

    predictions: pd.DataFrame
    importance: pd.DataFrame
    metrics: dict[str, Any]
    fitted: dict[tuple[str, str], Fitted]


@dataclass(frozen=True)
class Sample:
    """The rows that are analysed, in one order.

    Attributes
    ----------
    index : int64 [n]
    features : DataFrame [n], columns named family.name
    truth : bool [n], memorized at the end
    weight : float [n]
    splits : DataFrame [n], with cluster, fold, fold_continuation, fold_random and exposed
    """

    index: np.ndarray
    features: pd.DataFrame
    truth: np.ndarray
    weight: np.ndarray
    splits: pd.DataFrame

    @classmethod
    def join(
        cls,
        features: pd.DataFrame,
        sequences: pd.DataFrame,
        labels: pd.DataFrame,
        splits: pd.DataFrame,
    ) -> Sample:
        """Return the sample from its tables, rows brought into the order of ``sequences``.

        Raises
        ------
        UserError
            If a table holds other sequences.
        """
        table = joined(
            sequences[["index", "weight"]],
            labels=labels[["index", "memorized"]],
            splits=splits,
            features=features,
        )
        return cls(
            index=table["index"].to_numpy(),
            features=table[[name for name in features.columns if name != "index"]],
            truth=table["memorized"].to_numpy(dtype=bool),
            weight=table["weight"].to_numpy(),
            splits=table[[name for name in splits.columns if name != "index"]],
        )


def analyse(
    sample: Sample,
    columns: Mapping[str, Sequence[str]],
    models: Mapping[str, ModelFit],
    replicates: int,
    level: float,
    seed: int,
    advance: Callable[[int], object] = lambda done: None,
    processes: int = 1,
) -> Analysis:
    """Return predictions, importance, metrics and fitted classifiers of every model at every tier.

    Parameters
    ----------
    sample : Sample
    columns : dict, tier -> feature columns that it may use, cumulative, lowest first
    models : dict, name -> fit
    replicates, level : of the bootstrap
    seed : of the study; each model at each tier has random streams of its own, so that which
        others run changes nothing of it
    advance : told ``1`` whenever a model is done at a tier.
    processes : to use at most; the result does not depend on it.

    Raises
    ------
    UserError
        If the sample has no memorized sequence, or nothing else.
    """
    truth = sample.truth
    if truth.all() or not truth.any():
        raise UserError(
            f"labels: {int(truth.sum())} of {len(truth)} sampled sequences are memorized; there is "
            "nothing to tell apart; choose a larger target or train it for longer"
        )
    clusters = sample.splits["cluster"].to_numpy()
    drawn = cluster_multiplicities(clusters, replicates, generator(seed, "whether"))
    results = side_by_side(
        _examine,
        candidates(columns, models),
        sample,
        models,
        drawn,
        level,
        seed,
        processes=processes,
        advance=advance,
    )
    return Analysis(
        predictions=pd.concat([_predictions(sample, r) for r in results], ignore_index=True),
        importance=pd.concat([r.importance for r in results], ignore_index=True),
        metrics=_metrics(sample, results, drawn, level),
        fitted={r.key: r.fitted for r in results if r.fitted is not None},
    )


@dataclass(frozen=True)
class _Result:
    key: tuple[str, str]
    probability: np.ndarray
    ranked: dict[str, Replicated]
    metrics: dict[str, dict[str, float]]
    chosen: dict[str, Any]
    leakage: dict[str, dict[str, dict[str, float]]]
    importance: pd.DataFrame
    fitted: Fitted | None


def _examine(
    candidate: Candidate,
    sample: Sample,
    models: Mapping[str, ModelFit],
    drawn: np.ndarray,
    level: float,
    seed: int,
) -> _Result:
    """Return everything about one model at one tier; of a baseline, predictions and metrics."""
    purpose = f"whether/{candidate.tier}/{candidate.model}"
    own = int(generator(seed, purpose).integers(2**31))
    fit, truth, weight = candidate.fit, sample.truth, sample.weight
    features, fold = sample.features[list(candidate.columns)], sample.splits["fold"].to_numpy()
    crossfit = cross_fit(fit, features, truth, weight, fold, own)
    clean = crossfit.probability
    ranked = rankings(fold, clean, truth, weight, drawn)
    metrics = score(crossfit, ranked, fold, truth, weight, drawn, level)
    key = (candidate.tier, candidate.model)
    model = models.get(candidate.model)
    if model is None:
        return _Result(key, clean, ranked, metrics, {}, {}, pd.DataFrame(), None)
    gained = {}
    for scheme in LEAKY:
        leaky_fold = sample.splits[scheme].to_numpy()
        leaky = out_of_fold(fit, features, truth, weight, leaky_fold, own)
        leaky_ranked = rankings(leaky_fold, leaky, truth, weight, drawn)
        gained[scheme] = leakage(ranked, leaky_ranked, level)
    few = drawn[:IMPORTANCE_REPLICATES]
    importance_rng = generator(seed, f"{purpose}/importance")
    importance = permutation_importance(
        crossfit.fitted, features, truth, weight, fold, few, level, importance_rng
    )
    importance.insert(0, "model", candidate.model)
    importance.insert(1, "tier", candidate.tier)
    fitted = model(features, truth, weight, fold, own)
    chosen = _chosen(fitted, crossfit)
    return _Result(key, clean, ranked, metrics, chosen, gained, importance, fitted)


def _chosen(fitted: Fitted, crossfit: CrossFit) -> dict[str, Any]:
    """Return what a model chose by cross-validation: on all rows, and without each fold."""
    without = [getattr(model, "chosen", {}) for _, model in sorted(crossfit.fitted.items())]
    return {
        name: {"all_rows": value, "without_fold": [found.get(name) for found in without]}
        for name, value in fitted.chosen.items()
    }


def _metrics(
    sample: Sample, results: list[_Result], drawn: np.ndarray, level: float
) -> dict[str, Any]:
    """Return the metrics of all results, nested by tier and model."""
    truth, weight = sample.truth, sample.weight
    metrics: dict[str, Any] = {
        "n": len(truth),
        "cases": int(truth.sum()),
        "prevalence": estimate(prevalence, truth, truth, weight, drawn, level),
        "chosen": {},
        "leakage": {scheme: {} for scheme in LEAKY},
        "strata": {},
    }
    for result in results:
        tier, model = result.key
        metrics.setdefault(tier, {})[model] = result.metrics
        for scheme, gain in result.leakage.items():
            metrics["leakage"][scheme].setdefault(tier, {})[model] = gain
        if result.chosen:
            metrics["chosen"].setdefault(tier, {})[model] = result.chosen
    baselines = {result.key[1] for result in results if result.fitted is None}
    metrics["gains"] = gains({r.key: r.ranked for r in results}, baselines, level)
    probabilities = {result.key: result.probability for result in results}
    rest = (sample.splits["fold"].to_numpy(), probabilities, truth, weight, drawn, level)
    counts = {
        column.partition(".")[2]: sample.features[column].to_numpy()
        for column in COUNTS.values()
        if column in sample.features
    }
    baseline_of = {column.partition(".")[2]: baseline for baseline, column in COUNTS.items()}
    for by in counts:
        counted = next((key for key in probabilities if key[1] == baseline_of[by]), None)
        metrics["strata"][by] = strata(counts, by, counted, *rest)
    exposed = sample.splits["exposed"].to_numpy(dtype=bool)
    if exposed.any():
        metrics["unexposed"] = unexposed(exposed, *rest)
    return metrics


def _predictions(sample: Sample, result: _Result) -> pd.DataFrame:
    tier, model = result.key
    return pd.DataFrame(
        {
            "index": sample.index,
            "model": model,
            "tier": tier,
            "fold": sample.splits["fold"].to_numpy(),
            "probability": result.probability,
        }
    )
