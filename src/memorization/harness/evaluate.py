"""From a predictor, or its table of predictions, to its metrics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from memorization.errors import UserError
from memorization.evaluation.bootstrap import Bootstrap
from memorization.evaluation.intervals import interval
from memorization.evaluation.metrics.decision import (
    OUTCOMES,
    best_f1_threshold,
    confusion,
    decision_metrics,
)
from memorization.evaluation.metrics.ranking import auroc, average_precision
from memorization.files import write_metrics
from memorization.harness.predictions import Asked, Predictions, Predictor
from memorization.harness.sample import YES, Rows, Sample, population_rows, sample_rows
from memorization.randomness import generator
from memorization.report.wording import METRICS, count, decimal, defined, percent
from memorization.suite import Suite
from memorization.suite.read import labelled

RANKING = {"auroc": auroc, "average_precision": average_precision}
ORDER = ("accuracy", "precision", "recall", "f1", *RANKING)


@dataclass(frozen=True)
class Intervals:
    """The cluster bootstrap: number of resamples, coverage of the intervals, and seed."""

    replicates: int = 400
    level: float = 0.95
    seed: int = 0


@dataclass(frozen=True)
class Evaluation:
    """How well a predictor tells what a target has memorized, over the population.

    Attributes
    ----------
    population, memorized : sequences that the target was trained on, and has memorized at the end.
    evaluated_on : the whole population, exactly, or a weighted sample.
    sequences : how many the predictor was asked of.
    thresholds : from which on a score means yes; one a fold where they were chosen here, one in all
        where it was given, none for a predictor that decides by itself.
    outcomes : true_positive, false_positive, false_negative, true_negative -> sequences of the
        population; estimates where not exact.
    metrics : accuracy, precision, recall, f1, and of scores auroc and average_precision ->
        ``{"value", "low", "high"}``; a value is None where undefined, low and high where there is
        no interval.
    level : coverage of the intervals; None where exact.
    """

    target: str
    population: int
    memorized: int
    evaluated_on: Literal["population", "sample"]
    sequences: int
    thresholds: tuple[float, ...]
    threshold_given: bool
    outcomes: Mapping[str, float]
    metrics: Mapping[str, Mapping[str, float | None]]
    level: float | None

    def write(self, path: str | Path) -> None:
        """Write it as JSON: six significant digits, undefined values as null."""
        write_metrics(asdict(self), path)

    def __str__(self) -> str:
        """Return a table for a terminal."""
        share = self.memorized / self.population
        # The sample of a census is the population.
        exact = self.sequences == self.population
        intervals = any(found["low"] is not None for found in self.metrics.values())
        asked = (
            "all of them: exact" + ("" if intervals else ", without intervals")
            if exact
            else f"a sample of {count(self.sequences)}, weighted to the population"
        )
        lines = [
            f"target      {self.target}",
            f"population  {count(self.population)} sequences, {count(self.memorized)} of them "
            f"memorized ({percent(share)})",
            f"predictor   asked of {asked}",
            "",
            f"{'':18}  value" + (f"   {self.level:.0%} interval" if intervals else ""),
        ]
        for name in (name for name in ORDER if name in self.metrics):
            found = self.metrics[name]
            line = f"{METRICS.get(name, name):18}  {decimal(found['value']):>5}"
            if found["low"] is not None:
                line += f"   {decimal(found['low'])}–{decimal(found['high'])}"
            lines.append(line)
        hits, false_alarms = self.outcomes["true_positive"], self.outcomes["false_positive"]
        missed = self.outcomes["false_negative"]
        lines += [
            "",
            f"found {count(hits)} memorized, missed {count(missed)}, with {count(false_alarms)} "
            "false alarms" + ("" if exact else " (estimates)"),
            f"always saying no: accuracy {decimal(1 - share)}",
        ]
        if self.thresholds:
            listed = ", ".join(f"{threshold:.6g}" for threshold in self.thresholds)
            how = "given" if self.threshold_given else "highest F1 on the other folds, a fold each"
            lines.append(f"yes from a score of {listed} on ({how})")
        return "\n".join(lines)


def evaluate_predictor(
    predictor: Predictor,
    suite: Suite,
    target: str,
    *,
    sample: Sample | None = None,
    threshold: float | None = None,
    intervals: Intervals = Intervals(),
) -> Evaluation:
    """Return how well a predictor tells which sequences a model of the suite has memorized.

    Every metric is of the whole population: exact where the predictor is asked of all of it, and
    estimated with cluster-bootstrap intervals from a weighted sample otherwise. To decide by a
    score, the threshold of highest F1 is chosen for each fold on the others, unless one is given.

    The scores are taken to be those of one predictor. Where they come from several models, as
    out-of-fold scores do, the models' scales should agree, since ranking compares all pairs.

    Parameters
    ----------
    predictor : see `Asked`; `Suite.tokens` gives the text.
    sample : to ask of these sequences only, see `Sample.read`; None: of all.
    threshold : from which score on the answer is yes; None: chosen here.

    Raises
    ------
    UserError
        If there is no such target, or the predictor's answers or the threshold are of no use.
    """
    if threshold is not None and not np.isfinite(threshold):
        raise UserError(f"threshold {threshold}: must be a number, of the scores' kind")
    if target not in (known := labelled(suite)):
        raise UserError(
            f"target '{target}': the suite has {', '.join(known)} with labels of all sequences"
        )
    predict, memorized = Asked(predictor), np.unique(suite.memorized(target))
    if sample is None:
        rows = population_rows(
            predict, memorized, suite.population, threshold, suite.population_index
        )
    else:
        rows = sample_rows(predict, memorized, suite.population, sample)
    is_score = bool(predict.is_score)
    if threshold is not None and not is_score:
        raise UserError("a threshold is for scores; the predictions are true or false already")
    thresholds = _thresholds(rows, threshold if is_score else YES)
    decision = rows.score >= thresholds[np.unique(rows.fold, return_inverse=True)[1]]
    outcomes = confusion(rows.truth, decision, rows.weight).tolist()
    if sample is None:
        outcomes = [round(count) for count in outcomes]
    return Evaluation(
        target=target,
        population=suite.population,
        memorized=len(memorized),
        evaluated_on="population" if sample is None else "sample",
        sequences=suite.population if sample is None else len(sample.index),
        thresholds=tuple(np.unique(thresholds).tolist()) if is_score else (),
        threshold_given=threshold is not None,
        outcomes=dict(zip(OUTCOMES, outcomes, strict=True)),
        metrics=_metrics(rows, decision, is_score, intervals),
        level=None if sample is None else intervals.level,
    )


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

    As `evaluate_predictor`, exactly where the table covers the population, else where it covers the
    sample on that. A list of the sequences that are predicted to be memorized is a prediction of
    all when ``unlisted="negative"`` says so: what is not listed ranks below all others.

    Raises
    ------
    UserError
        If there is no such target, or the table covers neither; the message says how to go on.
    """
    if unlisted == "negative" or len(predictions.index) == suite.population:
        sample = None
    elif sample is None:
        lack = "; there is no sample of a study to fall back on (`dvc repro sequences` draws it)"
        raise UserError(_uncovered(predictions, suite, lack))
    elif len(missing := sample.index[~predictions.covers(sample.index)]):
        lack = (
            f", and lack {len(missing):,} of the {len(sample.index):,} of the study's sample (the "
            f"first: index {missing[0]})"
        )
        raise UserError(_uncovered(predictions, suite, lack))
    return evaluate_predictor(
        predictions.of, suite, target, sample=sample, threshold=threshold, intervals=intervals
    )


def _uncovered(predictions: Predictions, suite: Suite, lack: str) -> str:
    return (
        f"the predictions list {len(predictions.index):,} sequences, not all "
        f"{suite.population:,} of the population{lack}; `memorization sequences OUT.parquet` "
        "writes the list to predict, and `--unlisted negative` says that what is not listed is "
        "predicted not to be memorized"
    )


def _thresholds(rows: Rows, given: float | None) -> np.ndarray:
    """Return the threshold of each fold, float [folds], in the order of the folds' numbers."""
    folds = np.unique(rows.fold)
    if given is not None:
        return np.full(len(folds), given)
    found = [
        best_f1_threshold(rows.truth[own], rows.score[own], rows.weight[own])
        for own in (rows.fold != fold for fold in folds)
    ]
    return np.array(found)


def _metrics(
    rows: Rows, decision: np.ndarray, is_score: bool, intervals: Intervals
) -> dict[str, dict[str, float | None]]:
    """Return every metric with its interval, None where undefined."""
    ranking = RANKING if is_score else {}

    def statistics(weight: np.ndarray) -> np.ndarray:
        counts = confusion(rows.truth, decision, weight)
        ranked = [metric(rows.truth, rows.score, weight) for metric in ranking.values()]
        return np.concatenate([counts, *(values[..., None] for values in ranked)], axis=-1)

    def named(values: np.ndarray) -> dict[str, np.ndarray]:
        ranked = np.moveaxis(values[..., len(OUTCOMES) :], -1, 0)
        decided = decision_metrics(values[..., : len(OUTCOMES)])
        return decided | dict(zip(ranking, ranked, strict=True))

    found = {
        name: {"value": defined(float(value)), "low": None, "high": None}
        for name, value in named(statistics(rows.weight)).items()
    }
    if rows.cluster is None:
        return found
    rng = generator(intervals.seed, "harness")
    bootstrap = Bootstrap.of(rows.cluster, intervals.replicates, intervals.level, rng)
    effective = bootstrap.effective(rows.weight, rows.truth)
    for name, drawn in named(bootstrap.replicate(statistics, rows.weight)).items():
        value = found[name]["value"]
        if value is not None:
            low, high = interval(value, drawn, effective, intervals.level)
            found[name] |= defined({"low": float(low), "high": float(high)})
    return found
