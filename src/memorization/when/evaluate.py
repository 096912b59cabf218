"""How good the predicted survival is: ranking, probability, calibration, time; with intervals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from memorization.evaluation.bootstrap import Replicated, replicate
from memorization.evaluation.gains import gains
from memorization.evaluation.metrics.concordance import concordance_of, cumulative_auroc
from memorization.evaluation.metrics.event_time import conditional_mean_step, conditional_median
from memorization.evaluation.metrics.prepared import OfWeights
from memorization.evaluation.metrics.probability import observed_to_expected
from memorization.evaluation.metrics.ratio import ratio, weighted_mean
from memorization.evaluation.metrics.survival_brier import integrated_squared_error
from memorization.parallel import side_by_side
from memorization.study.targets import Targets
from memorization.when.models import BASELINES
from memorization.when.models.kaplan_meier import kaplan_meier

# Percentages of training at which the state so far is scored.
MILESTONES = (25, 50, 75, 100)

# Groups of the calibration table, each expecting the same number of events.
N_GROUPS = 10

# Of which differences between models are reported.
GAINED = ("concordance", "concordance_memorized", "brier_skill", "absolute_error_steps")

# Floats of weights that are scored at a time: a concordance goes through hundreds of sets of pairs,
# which few replicates at a time would not pay for.
BLOCK = 2**20


@dataclass(frozen=True)
class Evaluation:
    """What predictions are scored against.

    Attributes
    ----------
    targets : of n rows, none censored before the last checkpoint.
    steps : int [c], optimizer steps of the checkpoints.
    weight : float [n], population sequences a row stands for.
    fold : int [n]; rankings are compared within folds.
    multiplicities : int [replicates, n], of the cluster bootstrap.
    level : coverage of the intervals.
    """

    targets: Targets
    steps: np.ndarray
    weight: np.ndarray
    fold: np.ndarray
    multiplicities: np.ndarray
    level: float

    def scores(
        self, survival: np.ndarray, baseline: np.ndarray | None = None
    ) -> dict[str, Replicated]:
        """Return every metric of one model's survival [n, c] with its replicates.

        Parameters
        ----------
        baseline : float [n, c], optional
            Survival of the model against which ``brier_skill`` is measured.
        """
        metrics = survival_metrics(survival, self.targets, self.steps, self.fold, baseline)
        found = {}
        for name, metric in metrics.items():
            replicates = replicate(
                lambda _, __, weight, metric=metric: metric(weight),  # type: ignore[misc]
                None,
                None,
                self.weight,
                self.multiplicities,
                BLOCK,
            )
            found[name] = Replicated(float(metric(self.weight)), replicates)
        return found


def milestones(steps: np.ndarray) -> dict[int, int]:
    """Return percentage of training -> first checkpoint (1 … c) that has reached it.

    >>> milestones(np.array([10, 20, 30, 40]))
    {25: 1, 50: 2, 75: 3, 100: 4}
    """
    return {p: int(np.searchsorted(steps, steps[-1] * p / 100)) + 1 for p in MILESTONES}


def survival_metrics(
    survival: np.ndarray,
    targets: Targets,
    steps: np.ndarray,
    fold: np.ndarray,
    baseline: np.ndarray | None = None,
) -> dict[str, OfWeights]:
    """Return name -> metric of the weights, vectorised over their leading axes.

    - ``concordance``: of all sequences, by expected memorization-free time within training.
    - ``concordance_memorized``: among those with the event, by its expected time given that.
    - ``auroc_at_P``, ``observed_to_expected_at_P``: of the state at P % of training.
    - ``integrated_brier``; ``brier_skill`` is the share of the baseline's that is saved.
    - ``absolute_error_steps``: of the median time given the event, among those with it, in steps.

    Where a sequence is first evaluated late, its state before is not known: of the state at a
    checkpoint are scored the sequences evaluated by then, whatever it was; in a concordance a
    left-censored event is earlier than what is later than its bound; and its time has no error.

    Parameters
    ----------
    survival : float [n, c], out of fold.
    """
    time, event, left = targets.time, targets.event, targets.left_censored
    free = np.trapezoid(np.hstack([np.ones((len(time), 1)), survival]), np.r_[0, steps], axis=1)
    expected = conditional_mean_step(survival[event], steps)
    exact = event & ~left
    off = np.abs(steps[time[exact] - 1] - steps[conditional_median(survival[exact]) - 1])
    error, share = _squared_errors(survival, targets, steps)
    among = concordance_of(time[event], event[event], -expected, fold[event], left[event])
    metrics: dict[str, OfWeights] = {
        "concordance": concordance_of(time, event, -free, fold, left),
        "concordance_memorized": lambda weight: among(np.compress(event, weight, axis=-1)),
        "integrated_brier": lambda weight: ratio(weight @ error, weight @ share),
        "absolute_error_steps": lambda weight: weighted_mean(
            off, np.compress(exact, weight, axis=-1)
        ),
    }
    for percent, at in milestones(steps).items():
        metrics |= _metrics_at(percent, at, 1 - survival[:, at - 1], targets, fold)
    if baseline is not None:
        reference, _ = _squared_errors(baseline, targets, steps)
        metrics["brier_skill"] = lambda weight: 1 - ratio(weight @ error, weight @ reference)
    return metrics


def _squared_errors(
    survival: np.ndarray, targets: Targets, steps: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    return integrated_squared_error(
        survival, targets.time, targets.event, steps, targets.first_evaluation
    )


def _metrics_at(
    percent: int, at: int, probability: np.ndarray, targets: Targets, fold: np.ndarray
) -> dict[str, OfWeights]:
    """Return the metrics of the state at one checkpoint, of the sequences evaluated by then."""
    known = targets.first_evaluation <= at
    own, p = targets.take(known), probability[known]
    by_then = own.event & (own.time <= at)
    area = cumulative_auroc(own.time, own.event, p, at, fold[known])
    return {
        f"auroc_at_{percent}": lambda weight: area(np.compress(known, weight, axis=-1)),
        f"observed_to_expected_at_{percent}": lambda weight: observed_to_expected(
            by_then, p, np.compress(known, weight, axis=-1)
        ),
    }


def calibration(
    survival: np.ndarray, targets: Targets, steps: np.ndarray, weight: np.ndarray
) -> pd.DataFrame:
    """Return predicted and observed fractions by group of prediction, at each milestone.

    Columns: step · group (1 … 10, ascending) · predicted, observed (weighted fractions memorized by
    then) · n (rows) · weight (population sequences). Groups expect equally many events: deciles of
    the population would put nearly all the memorized into the last. Equal predictions share one.
    At each milestone, of the sequences evaluated by then; none where there are none.
    """
    parts = []
    # Milestones between two checkpoints of a sparse grid share the next one.
    for at in dict.fromkeys(milestones(steps).values()):
        known = targets.first_evaluation <= at
        own, w = targets.take(known), weight[known]
        probability = 1 - survival[known, at - 1]
        by_then = own.event & (own.time <= at)
        table = pd.DataFrame(
            {
                "group": _group(probability, w),
                "predicted": w * probability,
                "observed": w * by_then,
                "n": np.ones(len(w), dtype=np.int64),
                "weight": w,
            }
        )
        sums = table.groupby("group", as_index=False).sum()
        for name in ("predicted", "observed"):
            # A mean of probabilities, of which rounding can make a little more than 1.
            sums[name] = np.minimum(sums[name] / sums["weight"], 1.0)
        sums.insert(0, "step", np.int32(steps[at - 1]))
        parts.append(sums)
    return pd.concat(parts, ignore_index=True)


def _group(probability: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Return the group of each row, int32 [n] in 1 … N_GROUPS, by cumulative expected events."""
    _, which = np.unique(probability, return_inverse=True)
    expected = np.bincount(which, weight * probability)
    # A group of equal predictions counts with its middle.
    share = (np.cumsum(expected) - expected / 2) / max(expected.sum(), np.finfo(float).tiny)
    return np.minimum(share * N_GROUPS, N_GROUPS - 1).astype(np.int32)[which] + np.int32(1)


def event_statistics(targets: Targets, steps: np.ndarray, weight: np.ndarray) -> dict[str, Any]:
    """Return how many have the event, and when: quantiles of its step.

    The quantiles are those of the marginal curve, given the event by the end: weighted to the
    population, and with the left-censored where they are likely to belong.
    """
    happened = 1 - kaplan_meier(targets, weight)
    share = happened / happened[-1]
    return {
        "n": len(targets),
        "n_events": int(targets.event.sum()),
        "n_left_censored": int(targets.left_censored.sum()),
        "checkpoints": len(steps),
        "population_fraction": float(np.average(targets.event, weights=weight)),
        "event_step_quantiles": {
            # The share of a quantile that is reached exactly may be rounded to just below it.
            f"{q:.0%}": int(steps[np.searchsorted(share, q - 1e-9)])
            for q in (0.1, 0.5, 0.9)
        },
    }


@dataclass(frozen=True)
class Scored:
    """What is kept of all runs, each by (tier, model) or in that order.

    Attributes
    ----------
    survival : float32 [n, c] of each run.
    metrics : tier -> model -> metric -> {value, low, high}, and ``gains`` of `GAINED`, see
        `memorization.evaluation.gains`.
    calibration : `calibration` of every run, after the columns tier and model.
    """

    survival: dict[tuple[str, str], np.ndarray]
    metrics: dict[str, Any]
    calibration: pd.DataFrame


Predict = Callable[[tuple[str, str]], np.ndarray]


def score_runs(
    evaluation: Evaluation,
    runs: Sequence[tuple[str, str]],
    predict: Predict,
    advance: Callable[[int], object] = lambda runs: None,
    processes: int = 1,
) -> Scored:
    """Return the scores of all runs; a process holds one in full precision at a time.

    Parameters
    ----------
    runs : (tier, model) of each.
    predict : of a run its survival, float [n, c]. ``brier_skill`` is against the model
        kaplan_meier, where that is among the runs.
    advance : told ``1`` after each.
    processes : to use at most, if ``predict`` can be pickled; the result does not depend on it.
    """
    key = next((run for run in runs if run[1] == "kaplan_meier"), None)
    baseline = None if key is None else predict(key)
    found = side_by_side(
        _score, runs, evaluation, predict, baseline, processes=processes, advance=advance
    )
    metrics: dict[str, Any] = {}
    for (tier, name), of_run in zip(runs, found, strict=True):
        metrics.setdefault(tier, {})[name] = of_run.metrics
    replicates = {run: of_run.replicates for run, of_run in zip(runs, found, strict=True)}
    metrics["gains"] = gains(replicates, BASELINES, evaluation.level)
    survival = {run: of_run.survival for run, of_run in zip(runs, found, strict=True)}
    return Scored(
        survival, metrics, pd.concat([of_run.calibration for of_run in found], ignore_index=True)
    )


@dataclass(frozen=True)
class _OfRun:
    survival: np.ndarray
    metrics: dict[str, Any]
    replicates: dict[str, Replicated]
    calibration: pd.DataFrame


def _score(
    run: tuple[str, str], evaluation: Evaluation, predict: Predict, baseline: np.ndarray | None
) -> _OfRun:
    """Return the scores of one run."""
    curves = predict(run)
    scores = evaluation.scores(curves, baseline)
    part = calibration(curves, evaluation.targets, evaluation.steps, evaluation.weight)
    part.insert(0, "tier", run[0])
    part.insert(1, "model", run[1])
    return _OfRun(
        curves.astype(np.float32),
        {metric: value.estimate(evaluation.level) for metric, value in scores.items()},
        {metric: scores[metric] for metric in GAINED if metric in scores},
        part,
    )
