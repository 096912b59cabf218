"""The numbers of the whether question: metrics, what leakage buys, and strata of duplication."""

from __future__ import annotations

from typing import Any

import numpy as np

from memorization.metrics.binary import DECISION_METRICS, PROBABILITY_METRICS, Metric
from memorization.metrics.bootstrap import estimate, interval, replicate
from memorization.metrics.ranking import auroc_within, average_precision
from memorization.metrics.ratio import weighted_mean
from memorization.metrics.strata import STRATA, duplicate_stratum
from memorization.whether.evaluate import CrossFit


def ranking_metrics(fold: np.ndarray) -> dict[str, Metric]:
    """Return the metrics of ranking, AUROC over pairs within a fold.

    Average precision is of all rows at once, as precision at a threshold is.
    """
    return {"auroc": auroc_within(fold), "average_precision": average_precision}


def score(
    crossfit: CrossFit,
    fold: np.ndarray,
    truth: np.ndarray,
    weight: np.ndarray,
    multiplicities: np.ndarray,
    level: float,
) -> dict[str, dict[str, float]]:
    """Return every metric of one model at one tier: ``{metric: {value, low, high}}``.

    Parameters
    ----------
    crossfit : CrossFit
    fold : int [n]
    truth : bool [n]
    weight : float [n]
    multiplicities : int [replicates, n]
    level : float
    """

    probability_metrics = PROBABILITY_METRICS | ranking_metrics(fold)
    if all(np.ptp(crossfit.probability[fold == name]) == 0 for name in np.unique(fold)):
        # One probability for all has no slope; that it differs a little from fold to fold says
        # something about the folds only.
        probability_metrics["calibration_slope"] = _undefined

    def all_of(metrics: dict[str, Metric], scored: np.ndarray) -> dict[str, dict[str, float]]:
        return {
            name: estimate(metric, truth, scored, weight, multiplicities, level)
            for name, metric in metrics.items()
        }

    return all_of(probability_metrics, crossfit.probability) | all_of(
        DECISION_METRICS, crossfit.decision
    )


def leakage(
    clean: tuple[np.ndarray, np.ndarray],
    leaky: tuple[np.ndarray, np.ndarray],
    truth: np.ndarray,
    weight: np.ndarray,
    multiplicities: np.ndarray,
    level: float,
) -> dict[str, dict[str, float]]:
    """Return the ranking metrics under a leaky split, and what they gain over the clean one.

    The gain's interval is of the paired difference: both are computed in the same replicates.

    Parameters
    ----------
    clean, leaky : tuple of int [n] and float [n]
        Folds that keep clusters whole, and others; and the out-of-fold probabilities with them.
    truth, weight, multiplicities, level
        As in `score`.
    """
    found: dict[str, dict[str, float]] = {}
    for name in ranking_metrics(clean[0]):
        both, values = [], []
        for fold, probability in (leaky, clean):
            metric = ranking_metrics(fold)[name]
            both.append(replicate(metric, truth, probability, weight, multiplicities))
            values.append(float(metric(truth, probability, weight)))
        pairs = {name: (values[0], both[0])}
        pairs[f"{name}_gain"] = (values[0] - values[1], both[0] - both[1])
        for key, (value, replicates) in pairs.items():
            low, high = interval(replicates, level)
            found[key] = {"value": value, "low": low, "high": high}
    return found


def strata(
    count: np.ndarray,
    fold: np.ndarray,
    probabilities: dict[tuple[str, str], np.ndarray],
    truth: np.ndarray,
    weight: np.ndarray,
    multiplicities: np.ndarray,
    level: float,
) -> dict[str, Any]:
    """Return prevalence and ranking metrics among sequences of like duplication.

    Ranking over the whole population is easy for whoever counts copies; within a stratum it says
    what is known beyond that.

    Parameters
    ----------
    count : float [n]
        Copies of the sequence in the training data.
    fold : int [n]
    probabilities : dict, (tier, model) -> float [n]
    truth, weight, multiplicities, level
        As in `score`.

    Returns
    -------
    dict
        Stratum -> ``n``, ``cases``, ``population``, ``prevalence`` and, where both classes are
        present, ``{tier: {model: {metric: {value, low, high}}}}``.
    """
    found: dict[str, Any] = {}
    stratum_of = duplicate_stratum(count)
    for position, stratum_name in enumerate(STRATA):
        rows = stratum_of == position
        if not rows.any():
            continue
        here, w, drawn = truth[rows], weight[rows], multiplicities[:, rows]
        stratum: dict[str, Any] = {
            "n": int(rows.sum()),
            "cases": int(here.sum()),
            "population": float(w.sum()),
            "prevalence": estimate(prevalence, here, here, w, drawn, level),
        }
        if here.any() and not here.all():
            for (tier, model), probability in probabilities.items():
                stratum.setdefault(tier, {})[model] = {
                    name: estimate(metric, here, probability[rows], w, drawn, level)
                    for name, metric in ranking_metrics(fold[rows]).items()
                }
        found[stratum_name] = stratum
    return found


def prevalence(truth: np.ndarray, score: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Return the weighted share that is memorized, float [...]; a metric that ignores the score."""
    return weighted_mean(truth, weight)


def _undefined(truth: np.ndarray, score: np.ndarray, weight: np.ndarray) -> np.ndarray:
    return np.full(np.shape(weight)[:-1], np.nan)
