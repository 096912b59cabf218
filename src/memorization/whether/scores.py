"""The numbers of the whether question: decisions, metrics, and scores among some of the rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from memorization.evaluation.bootstrap import (
    Bootstrap,
    Estimate,
    Replicated,
    gain,
    over_without_text,
)
from memorization.evaluation.crossfit import Candidate, CrossFit, folds, thin
from memorization.evaluation.intervals import LOGIT, kish
from memorization.evaluation.metrics import DECISION_METRICS, METRICS, SCALES
from memorization.evaluation.metrics.decision import best_f1_threshold
from memorization.evaluation.metrics.ranking import auroc_within, average_precision
from memorization.evaluation.metrics.sums import Metric, weighted_mean
from memorization.randomness import generator
from memorization.strata import COUNTS, STRATA, stratum_of
from memorization.study import Study

# Of a stratum in doubt, the least and the greatest share that is memorized.
UNCERTAIN = (0.05, 0.95)

# Occurrences from which on a sequence is one that recurs.
REPEATED = 5

# What sequences are matched on beside their count, and into how many parts of equal size.
SURPRISAL = "surprisal.mean"
PARTS = 5

# Rows that thresholds are chosen on, and the models for it fitted to, at most, the memorized first.
LARGEST = 6_000

# (tier, model) -> float [n]
Probabilities = Mapping[tuple[str, str], np.ndarray]


def decide(candidate: Candidate, study: Study, crossfit: CrossFit) -> np.ndarray:
    """Return out-of-fold decisions at thresholds of the training folds, bool [n].

    A threshold is a parameter like any other, so it is chosen on the training folds alone: the one
    with the highest weighted F1 over *inner* out-of-fold predictions, made by models that were
    fitted without the training fold that they predict. Predictions of the rows that a model was
    fitted to would not do: boosted trees separate their own training rows almost perfectly, and a
    threshold chosen there is far too high for new ones. A model without folds i and j serves twice:
    it predicts j to choose the threshold of i, and i to choose that of j. Beyond `LARGEST` rows,
    some of them stand for the others.
    """
    rows = thin(study, LARGEST, generator(study.seed, f"{candidate.purpose}/thresholds"))
    fold, names = rows.fold, list(folds(study))
    inner = np.empty((len(names), len(rows)))
    for i, first in enumerate(names):
        for j, second in enumerate(names[:i]):
            fitted = candidate.fit(rows, (fold != first) & (fold != second))
            inner[i, fold == second] = fitted.predict(rows, fold == second)
            inner[j, fold == first] = fitted.predict(rows, fold == first)
    decision = np.empty(len(study), dtype=bool)
    for i, test in enumerate(names):
        train, own = fold != test, study.fold == test
        threshold = best_f1_threshold(rows.truth[train], inner[i, train], rows.weight[train])
        decision[own] = crossfit.prediction[own] >= threshold
    return decision


def rankings(study: Study, probability: np.ndarray, bootstrap: Bootstrap) -> dict[str, Replicated]:
    """Return the ranking metrics of out-of-fold probabilities [n] with their replicates.

    AUROC is over pairs within a fold; average precision of all rows at once, as precision at a
    threshold is.
    """
    metrics: dict[str, Metric] = {
        "auroc": auroc_within(study.fold),
        "average_precision": average_precision,
    }
    return {
        name: bootstrap.replicated(metric, study.truth, probability, study.weight)
        for name, metric in metrics.items()
    }


def estimates(
    ranked: Mapping[str, Replicated], level: float, over: Mapping[str, Replicated] | None = None
) -> dict[str, Estimate]:
    """Return ranking metrics as estimates, with the ``…_gain`` of each over another's, if said."""
    found = {name: value.estimate(level) for name, value in ranked.items()}
    gained = {} if over is None else gain(ranked, over, level)
    return found | {f"{name}_gain": value for name, value in gained.items()}


def score(
    study: Study,
    crossfit: CrossFit,
    decision: np.ndarray,
    ranked: Mapping[str, Replicated],
    bootstrap: Bootstrap,
) -> dict[str, Estimate]:
    """Return every metric of one model at one tier: ``{metric: {value, low, high}}``.

    Parameters
    ----------
    decision : bool [n], see `decide`.
    ranked : dict, its `rankings`.
    """
    probability_metrics = {name: m for name, m in METRICS.items() if name not in ranked}
    if all(np.ptp(crossfit.prediction[study.fold == fold]) == 0 for fold in folds(study)):
        # One probability for all has no slope; that it differs a little from fold to fold says
        # something about the folds only.
        probability_metrics["calibration_slope"] = _undefined

    def all_of(metrics: Mapping[str, Metric], scored: np.ndarray) -> dict[str, Estimate]:
        return {
            name: bootstrap.estimate(
                metric, study.truth, scored, study.weight, SCALES.get(name, LOGIT)
            )
            for name, metric in metrics.items()
        }

    return (
        estimates(ranked, bootstrap.level)
        | all_of(probability_metrics, crossfit.prediction)
        | all_of(DECISION_METRICS, decision)
    )


def strata(
    study: Study, column: str, probabilities: Probabilities, bootstrap: Bootstrap
) -> dict[str, Any]:
    """Return prevalence and ranking metrics among sequences of like count.

    Ranking over the whole population is easy for whoever counts; within a stratum it says what is
    known beyond that.

    Parameters
    ----------
    column : the feature that holds the count that strata are formed of, one of `COUNTS`.

    Returns
    -------
    dict
        Stratum -> ``n``, ``cases``, ``population``, ``prevalence``; where there are cases,
        ``counts_of_cases``, the least and the most of every count among them; and, where both
        classes are present, ``{tier: {model: {metric: {value, low, high}}}}``, each metric with its
        ``…_gain`` over the baseline that knows the count, which still differs within a stratum.
    """
    counts = {
        name.partition(".")[2]: study.features[name].to_numpy()
        for name in COUNTS.values()
        if name in study.features
    }
    counted = _counted(column, probabilities)
    found: dict[str, Any] = {}
    own = stratum_of(study.features[column].to_numpy())
    for position, name in enumerate(STRATA):
        rows = own == position
        if not rows.any():
            continue
        part, drawn = study.take(rows), bootstrap.take(rows)
        truth = part.truth
        stratum: dict[str, Any] = {
            "n": len(part),
            "cases": int(truth.sum()),
            "population": float(part.weight.sum()),
            "prevalence": drawn.estimate(prevalence, truth, truth, part.weight),
        }
        if truth.any():
            stratum["counts_of_cases"] = {
                count: {"least": int(all_[rows][truth].min()), "most": int(all_[rows][truth].max())}
                for count, all_ in counts.items()
            }
        found[name] = stratum | _scores_among(part, rows, probabilities, drawn, counted)
    return found


def repeated(
    study: Study, column: str, probabilities: Probabilities, bootstrap: Bootstrap
) -> dict[str, Any]:
    """Return the ranking metrics among sequences that occur `REPEATED` times or more.

    That what hardly recurs is not memorized is known beforehand.

    Returns
    -------
    dict
        See `uncertain`.
    """
    rows = study.features[column].to_numpy() >= REPEATED
    return _among(study, column, rows, probabilities, bootstrap)


def uncertain(
    study: Study, column: str, probabilities: Probabilities, bootstrap: Bootstrap
) -> dict[str, Any]:
    """Return the ranking metrics where the count leaves in doubt what happens.

    Of rare sequences hardly any are memorized, and of frequent ones nearly all. Between the two lie
    the strata of which 5 to 95 % are, weighted to the population; only there is it a question.

    Returns
    -------
    dict
        ``strata``, their names; ``n``, ``cases``; ``effective_clusters`` of the cases (Kish 1965);
        ``{tier: {model: {metric: {value, low, high}}}}``, each metric with its ``…_gain`` over the
        baseline that knows the count; absent where there is no such stratum.
    """
    own = stratum_of(study.features[column].to_numpy())
    mass = np.bincount(own, study.weight, len(STRATA))
    memorized = np.bincount(own, study.weight * study.truth, len(STRATA))
    low, high = UNCERTAIN
    between = (memorized >= low * mass) & (memorized <= high * mass) & (mass > 0)
    names = [name for name, is_between in zip(STRATA, between, strict=True) if is_between]
    return {"strata": names} | _among(study, column, between[own], probabilities, bootstrap)


def matched(
    study: Study, column: str, probabilities: Probabilities, bootstrap: Bootstrap
) -> dict[str, Any]:
    """Return how well the memorized are told from others that are alike in count and surprisal.

    Pairs are compared within a stratum of the count and a part of equal size of `SURPRISAL` alone:
    what a model knows there is neither how often a text occurs nor how predictable it is.

    Returns
    -------
    dict
        ``n``, ``cases``: of the cells that hold both classes; ``{tier: {model: auroc}}``, each
        {value, low, high}; absent where there is no such cell.
    """
    surprisal = study.features[SURPRISAL].to_numpy()
    ends = np.quantile(surprisal, np.arange(1, PARTS) / PARTS)
    cell = stratum_of(study.features[column].to_numpy()) * PARTS + np.searchsorted(ends, surprisal)
    # Scores of one fold are of one model.
    _, cell = np.unique(np.stack([cell, study.fold]), axis=1, return_inverse=True)
    cases = np.bincount(cell, study.truth)
    mixed = ((cases > 0) & (cases < np.bincount(cell)))[cell]
    part, drawn = study.take(mixed), bootstrap.take(mixed)
    found: dict[str, Any] = {"n": len(part), "cases": int(part.truth.sum())}
    if not len(part):
        return found
    metric = auroc_within(cell[mixed])
    for (tier, model), probability in probabilities.items():
        found.setdefault(tier, {})[model] = drawn.estimate(
            metric, part.truth, probability[mixed], part.weight
        )
    return found


def _among(
    study: Study,
    column: str,
    rows: np.ndarray,
    probabilities: Probabilities,
    bootstrap: Bootstrap,
) -> dict[str, Any]:
    """Return the scores of some rows, bool [n], and how many and how independent they are."""
    part = study.take(rows)
    of_cases = np.unique(part.cluster[part.truth], return_counts=True)[1]
    about = {
        "n": len(part),
        "cases": int(part.truth.sum()),
        "effective_clusters": float(kish(of_cases)),
    }
    counted = _counted(column, probabilities)
    return about | _scores_among(part, rows, probabilities, bootstrap.take(rows), counted)


def _counted(column: str, probabilities: Probabilities) -> tuple[str, str] | None:
    """Return the tier and name of the baseline that knows a count; None where it was not run."""
    baseline = next(name for name, counted in COUNTS.items() if counted == column)
    return next((key for key in probabilities if key[1] == baseline), None)


def unexposed(study: Study, probabilities: Probabilities, bootstrap: Bootstrap) -> dict[str, Any]:
    """Return the ranking metrics without the rows that share text with another fold.

    Cutting a cluster that is too large for a fold leaves some. The others share nothing with the
    training rows, even where exposed ones are among these, so nothing is fitted again.

    Returns
    -------
    dict
        ``n``, ``cases``: of the rows that are left; ``{tier: {model: {metric: ...}}}``, absent
        where these are of one class.
    """
    rows = ~study.splits["exposed"].to_numpy(dtype=bool)
    part = study.take(rows)
    about = {"n": len(part), "cases": int(part.truth.sum())}
    return about | _scores_among(part, rows, probabilities, bootstrap.take(rows))


def _scores_among(
    part: Study,
    rows: np.ndarray,
    probabilities: Probabilities,
    bootstrap: Bootstrap,
    baseline: tuple[str, str] | None = None,
) -> dict[str, Any]:
    """Return tier -> model -> ranking metrics among some rows, with the gains over a baseline.

    Beside the tiers, ``over_without_text`` has the gains over that model, if it was run.
    """
    found: dict[str, Any] = {}
    if part.truth.all() or not part.truth.any():
        return found
    ranked = {key: rankings(part, p[rows], bootstrap) for key, p in probabilities.items()}
    for key, values in ranked.items():
        over = ranked[baseline] if baseline is not None and key != baseline else None
        found.setdefault(key[0], {})[key[1]] = estimates(values, bootstrap.level, over)
    if text := over_without_text(ranked, bootstrap.level):
        found["over_without_text"] = text
    return found


def prevalence(truth: np.ndarray, score: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Return the weighted share that is memorized, float [...]; a metric that ignores the score."""
    return weighted_mean(truth, weight)


def _undefined(truth: np.ndarray, score: np.ndarray, weight: np.ndarray) -> np.ndarray:
    return np.full(np.shape(weight)[:-1], np.nan)
