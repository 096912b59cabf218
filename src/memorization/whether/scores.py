"""The numbers of the whether question: metrics, what leakage buys, and strata."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from memorization.evaluation.bootstrap import Replicated, estimate, replicated
from memorization.evaluation.gains import gain
from memorization.evaluation.metrics.binary import DECISION_METRICS, PROBABILITY_METRICS, Metric
from memorization.evaluation.metrics.ranking import auroc_within, average_precision
from memorization.evaluation.metrics.ratio import weighted_mean
from memorization.study.strata import STRATA, stratum_of
from memorization.whether.evaluate import CrossFit

Estimate = dict[str, float]
Key = tuple[str, str]


def ranking_metrics(fold: np.ndarray) -> dict[str, Metric]:
    """Return the metrics of ranking, AUROC over pairs within a fold.

    Average precision is of all rows at once, as precision at a threshold is.
    """
    return {"auroc": auroc_within(fold), "average_precision": average_precision}


def rankings(
    fold: np.ndarray,
    probability: np.ndarray,
    truth: np.ndarray,
    weight: np.ndarray,
    multiplicities: np.ndarray,
) -> dict[str, Replicated]:
    """Return the ranking metrics of out-of-fold probabilities with their replicates.

    Parameters
    ----------
    fold : int [n]
    probability : float [n]
    truth : bool [n]
    weight : float [n]
    multiplicities : int [replicates, n]
    """
    return {
        name: replicated(metric, truth, probability, weight, multiplicities)
        for name, metric in ranking_metrics(fold).items()
    }


def score(
    crossfit: CrossFit,
    ranked: Mapping[str, Replicated],
    fold: np.ndarray,
    truth: np.ndarray,
    weight: np.ndarray,
    multiplicities: np.ndarray,
    level: float,
) -> dict[str, Estimate]:
    """Return every metric of one model at one tier: ``{metric: {value, low, high}}``.

    Parameters
    ----------
    crossfit : CrossFit
    ranked : dict, its `rankings`
    fold, truth, weight, multiplicities
        As in `rankings`.
    level : float
    """
    probability_metrics = {
        name: metric for name, metric in PROBABILITY_METRICS.items() if name not in ranked
    }
    if all(np.ptp(crossfit.probability[fold == name]) == 0 for name in np.unique(fold)):
        # One probability for all has no slope; that it differs a little from fold to fold says
        # something about the folds only.
        probability_metrics["calibration_slope"] = _undefined

    def all_of(metrics: dict[str, Metric], scored: np.ndarray) -> dict[str, Estimate]:
        return {
            name: estimate(metric, truth, scored, weight, multiplicities, level)
            for name, metric in metrics.items()
        }

    return (
        {name: value.estimate(level) for name, value in ranked.items()}
        | all_of(probability_metrics, crossfit.probability)
        | all_of(DECISION_METRICS, crossfit.decision)
    )


def leakage(
    clean: Mapping[str, Replicated], leaky: Mapping[str, Replicated], level: float
) -> dict[str, Estimate]:
    """Return the ranking metrics under a leaky split, and what they gain over the clean one.

    Parameters
    ----------
    clean, leaky : dict
        The `rankings` with folds that keep clusters whole, and with others, in the same replicates.
    level : float
    """
    found = {name: value.estimate(level) for name, value in leaky.items()}
    gained = gain(leaky, clean, level)
    return found | {f"{name}_gain": value for name, value in gained.items()}


def strata(
    counts: Mapping[str, np.ndarray],
    by: str,
    counted: Key | None,
    fold: np.ndarray,
    probabilities: Mapping[Key, np.ndarray],
    truth: np.ndarray,
    weight: np.ndarray,
    multiplicities: np.ndarray,
    level: float,
) -> dict[str, Any]:
    """Return prevalence and ranking metrics among sequences of like count.

    Ranking over the whole population is easy for whoever counts; within a stratum it says what is
    known beyond that.

    Parameters
    ----------
    counts : dict, name -> float [n]
        Occurrences in the training data, of the whole sequence or of a part.
    by : the name of the count that strata are formed of.
    counted : (tier, model) of the baseline that knows the count alone; None where there is none.
    fold : int [n]
    probabilities : dict, (tier, model) -> float [n]
    truth, weight, multiplicities, level
        As in `score`.

    Returns
    -------
    dict
        Stratum -> ``n``, ``cases``, ``population``, ``prevalence``; where there are cases,
        ``counts_of_cases``, the least and the most of every count among them; and, where both
        classes are present, ``{tier: {model: {metric: {value, low, high}}}}``, each metric with its
        ``…_gain`` over the baseline that knows the count, which still differs within a stratum.
    """
    found: dict[str, Any] = {}
    own = stratum_of(counts[by])
    for position, stratum_name in enumerate(STRATA):
        rows = own == position
        if not rows.any():
            continue
        here, w, drawn = truth[rows], weight[rows], multiplicities[:, rows]
        stratum: dict[str, Any] = {
            "n": int(rows.sum()),
            "cases": int(here.sum()),
            "population": float(w.sum()),
            "prevalence": estimate(prevalence, here, here, w, drawn, level),
        }
        if here.any():
            stratum["counts_of_cases"] = {
                name: {"least": int(count[rows][here].min()), "most": int(count[rows][here].max())}
                for name, count in counts.items()
            }
        if here.any() and not here.all():
            ranked = {
                key: rankings(fold[rows], probability[rows], here, w, drawn)
                for key, probability in probabilities.items()
            }
            for (tier, model), values in ranked.items():
                scores = {name: value.estimate(level) for name, value in values.items()}
                if counted is not None and (tier, model) != counted:
                    gained = gain(values, ranked[counted], level)
                    scores |= {f"{name}_gain": value for name, value in gained.items()}
                stratum.setdefault(tier, {})[model] = scores
        found[stratum_name] = stratum
    return found


def unexposed(
    exposed: np.ndarray,
    fold: np.ndarray,
    probabilities: Mapping[Key, np.ndarray],
    truth: np.ndarray,
    weight: np.ndarray,
    multiplicities: np.ndarray,
    level: float,
) -> dict[str, Any]:
    """Return the ranking metrics without the rows that share text with another fold.

    Cutting a cluster that is too large for a fold leaves some. The others share nothing with the
    training rows, even where exposed ones are among these, so nothing is fitted again.

    Parameters
    ----------
    exposed : bool [n]
    fold, probabilities, truth, weight, multiplicities, level
        As in `strata`.

    Returns
    -------
    dict
        ``n``, ``cases``: of the rows that are left; ``{tier: {model: {metric: ...}}}``, absent
        where these are of one class.
    """
    rows = ~exposed
    here, w, drawn = truth[rows], weight[rows], multiplicities[:, rows]
    found: dict[str, Any] = {"n": int(rows.sum()), "cases": int(here.sum())}
    if here.any() and not here.all():
        for (tier, model), probability in probabilities.items():
            ranked = rankings(fold[rows], probability[rows], here, w, drawn)
            found.setdefault(tier, {})[model] = {
                name: value.estimate(level) for name, value in ranked.items()
            }
    return found


def prevalence(truth: np.ndarray, score: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Return the weighted share that is memorized, float [...]; a metric that ignores the score."""
    return weighted_mean(truth, weight)


def _undefined(truth: np.ndarray, score: np.ndarray, weight: np.ndarray) -> np.ndarray:
    return np.full(np.shape(weight)[:-1], np.nan)
