"""From a predictor, or its table of predictions, to its metrics."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from memorization.errors import UserError
from memorization.evaluation.bootstrap import interval
from memorization.evaluation.metrics.confusion import OUTCOMES, confusion, decision_metrics
from memorization.evaluation.metrics.decision import best_f1_threshold
from memorization.evaluation.metrics.ranking import auroc, average_precision
from memorization.evaluation.resampling import resample
from memorization.harness.evaluation import Evaluation
from memorization.harness.predictions import Predictions
from memorization.harness.predictor import Predictor, ask
from memorization.harness.rows import YES, Predict, Rows, population_rows, sample_rows
from memorization.harness.sample import Sample
from memorization.randomness import generator
from memorization.suite import Suite

RANKING = {"auroc": auroc, "average_precision": average_precision}


@dataclass(frozen=True)
class Intervals:
    """The cluster bootstrap: number of resamples, coverage of the intervals, and seed."""

    replicates: int = 1000
    level: float = 0.95
    seed: int = 0


def evaluate_predictor(
    predictor: Predictor,
    suite: Suite,
    target: str,
    *,
    sample: Sample | None = None,
    threshold: float | None = None,
    intervals: Intervals = Intervals(),
    advance: Callable[[int], None] = lambda done: None,
) -> Evaluation:
    """Return how well a predictor tells which sequences a model has memorized.

    Every metric is of the whole population: exact where the predictor is asked of all of it, and
    estimated with cluster-bootstrap intervals from a weighted sample otherwise. To decide by a
    score, the threshold of highest F1 is chosen for each fold on the others, unless one is given.

    The scores are taken to be those of one predictor. Where they come from several models, as
    out-of-fold scores do, the models' scales should agree, since ranking compares all pairs.

    Parameters
    ----------
    predictor : ``index -> bool`` or ``index -> score`` (the higher the likelier), of an int64 array
        or of one ``int``. `Suite.tokens` gives the text.
    suite : the models and what each has memorized.
    target : any model of the suite.
    sample : to ask of these sequences only, see `Sample.read`; None: of all.
    threshold : from which score on the answer is yes; None: chosen here.
    intervals : of the metrics; only where a sample is used.
    advance : told how many more sequences have been predicted.

    Raises
    ------
    UserError
        If there is no such target or the predictor's answers are of no use.
    """

    def predict(index: np.ndarray) -> np.ndarray:
        return ask(predictor, index, advance)

    return _evaluate(predict, suite, target, sample, threshold, intervals)


def evaluate_predictions(
    predictions: Predictions,
    suite: Suite,
    target: str,
    *,
    sample: Sample | None = None,
    unlisted: Literal["negative"] | None = None,
    threshold: float | None = None,
    intervals: Intervals = Intervals(),
) -> Evaluation:
    """Return how well a table of predictions tells which sequences a model has memorized.

    Where the table covers the population the result is exact; else, where it covers the sample,
    that is used. A list of the sequences that are predicted to be memorized is a prediction of all
    when ``unlisted="negative"`` says so.

    Parameters
    ----------
    predictions : see `read_predictions`.
    suite, target, threshold, intervals : as in `evaluate_predictor`.
    sample : of the study, where there is one.
    unlisted : "negative": sequences that are not listed are predicted not to be memorized, and rank
        below all others.

    Raises
    ------
    UserError
        If there is no such target, or the table covers neither; the message says how to go on.
    """
    if unlisted == "negative" or len(predictions.index) == suite.population:
        sample = None
    elif sample is None or not predictions.covers(sample.index).all():
        raise UserError(_uncovered(predictions, suite.population, sample))
    return _evaluate(predictions.of, suite, target, sample, threshold, intervals)


def _uncovered(predictions: Predictions, population: int, sample: Sample | None) -> str:
    message = (
        f"the predictions list {len(predictions.index):,} sequences, not all {population:,} of the "
        "population"
    )
    if sample is None:
        message += (
            "; there is no sample of a study to fall back on (`dvc repro sequences` draws it)"
        )
    else:
        missing = sample.index[~predictions.covers(sample.index)]
        message += (
            f", and lack {len(missing):,} of the {len(sample.index):,} of the study's sample (the "
            f"first: index {missing[0]})"
        )
    return message + (
        "; `memorization sequences OUT.parquet` writes the list to predict, and `--unlisted "
        "negative` says that what is not listed is predicted not to be memorized"
    )


def _evaluate(
    predict: Predict,
    suite: Suite,
    target: str,
    sample: Sample | None,
    threshold: float | None,
    intervals: Intervals,
) -> Evaluation:
    if target not in suite.models:
        raise UserError(f"target '{target}': the suite has {', '.join(suite.models)}")
    memorized = np.unique(suite.memorized(target))
    if sample is None:
        rows = population_rows(predict, memorized, suite.population, threshold)
    else:
        rows = sample_rows(predict, memorized, suite.population, sample)
    thresholds = _thresholds(rows, threshold)
    decision = rows.score >= thresholds[np.unique(rows.fold, return_inverse=True)[1]]
    outcomes = confusion(rows.truth, decision, rows.weight).tolist()
    if sample is None:
        outcomes = [round(count) for count in outcomes]
    return Evaluation(
        target=target,
        population=suite.population,
        memorized=len(memorized),
        exact=sample is None,
        sequences=suite.population if sample is None else len(sample.index),
        thresholds=tuple(np.unique(thresholds).tolist()) if rows.is_score else (),
        given=threshold is not None,
        outcomes=dict(zip(OUTCOMES, outcomes, strict=True)),
        metrics=_metrics(rows, decision, intervals),
        level=intervals.level,
    )


def _thresholds(rows: Rows, threshold: float | None) -> np.ndarray:
    """Return the threshold of each fold, float [folds], in the order of the folds' numbers."""
    folds = np.unique(rows.fold)
    if not rows.is_score:
        if threshold is not None:
            raise UserError("a threshold is for scores; the predictions are true or false already")
        return np.full(len(folds), YES)
    if threshold is not None:
        return np.full(len(folds), threshold)
    others = [rows.fold != fold for fold in folds]
    return np.array(
        [best_f1_threshold(rows.truth[o], rows.score[o], rows.weight[o]) for o in others]
    )


def _metrics(
    rows: Rows, decision: np.ndarray, intervals: Intervals
) -> dict[str, dict[str, float | None]]:
    """Return every metric with its interval, None where undefined."""
    ranking = RANKING if rows.is_score else {}

    def statistics(weight: np.ndarray) -> np.ndarray:
        counts = confusion(rows.truth, decision, weight)
        ranked = [metric(rows.truth, rows.score, weight) for metric in ranking.values()]
        return np.concatenate([counts, *(values[..., None] for values in ranked)], axis=-1)

    def named(values: np.ndarray) -> dict[str, np.ndarray]:
        ranked = np.moveaxis(values[..., len(OUTCOMES) :], -1, 0)
        decided = decision_metrics(values[..., : len(OUTCOMES)])
        return decided | dict(zip(ranking, ranked, strict=True))

    found = {
        name: {"value": _defined(float(value)), "low": None, "high": None}
        for name, value in named(statistics(rows.weight)).items()
    }
    if rows.cluster is None:
        return found
    rng = generator(intervals.seed, "harness")
    drawn = resample(statistics, rows.weight, rows.cluster, intervals.replicates, rng)
    for name, values in named(drawn).items():
        low, high = interval(values, intervals.level)
        found[name] |= {"low": _defined(low), "high": _defined(high)}
    return found


def _defined(value: float) -> float | None:
    return None if np.isnan(value) else value
