"""How good the predicted survival is: ranking, probability, calibration, time; with intervals."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from memorization.metrics.bootstrap import estimate
from memorization.metrics.concordance import concordance, cumulative_auroc
from memorization.metrics.event_time import (
    absolute_error,
    conditional_mean_step,
    conditional_median,
)
from memorization.metrics.probability import observed_to_expected
from memorization.metrics.survival_brier import integrated_squared_error
from memorization.when.targets import Targets

# Percentages of training at which the state so far is scored.
MILESTONES = (25, 50, 75, 100)

# Groups of the calibration table, each expecting the same number of events.
N_GROUPS = 10

Metric = Callable[[np.ndarray], np.ndarray]


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
    ) -> dict[str, dict[str, float]]:
        """Return every metric of one model's survival [n, c] with its interval.

        Parameters
        ----------
        baseline : float [n, c], optional
            Survival of the model against which ``brier_skill`` is measured.
        """
        metrics = survival_metrics(survival, self.targets, self.steps, self.fold, baseline)
        return {
            name: estimate(
                lambda _, __, weight, metric=metric: metric(weight),  # type: ignore[misc]
                None,
                None,
                self.weight,
                self.multiplicities,
                self.level,
            )
            for name, metric in metrics.items()
        }


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
) -> dict[str, Metric]:
    """Return name -> metric of the weights, vectorised over their leading axes.

    - ``concordance``: of all sequences, by expected memorization-free time within training.
    - ``concordance_memorized``: among those with the event, by its expected time given that.
    - ``auroc_at_P``, ``observed_to_expected_at_P``: of the state at P % of training.
    - ``integrated_brier``; ``brier_skill`` is the share of the baseline's that is saved.
    - ``absolute_error_steps``: of the median time given the event, among those with it, in steps.

    Parameters
    ----------
    survival : float [n, c], out of fold.
    """
    time, event = targets.time, targets.event
    free = np.trapezoid(np.hstack([np.ones((len(time), 1)), survival]), np.r_[0, steps], axis=1)
    expected = conditional_mean_step(survival[event], steps)
    median = steps[conditional_median(survival[event]) - 1]
    error = integrated_squared_error(survival, time, event, steps)
    happened = np.ones(int(event.sum()), dtype=bool)
    metrics: dict[str, Metric] = {
        "concordance": lambda weight: concordance(time, event, -free, weight, fold),
        "concordance_memorized": lambda weight: concordance(
            time[event], happened, -expected, weight[..., event], fold[event]
        ),
        "integrated_brier": lambda weight: _mean(error, weight),
        "absolute_error_steps": lambda weight: absolute_error(
            steps[time[event] - 1], median, weight[..., event]
        ),
    }
    for percent, at in milestones(steps).items():
        metrics |= _metrics_at(percent, at, 1 - survival[:, at - 1], targets, fold)
    if baseline is not None:
        reference = integrated_squared_error(baseline, time, event, steps)
        metrics["brier_skill"] = lambda weight: 1 - _mean(error, weight) / _mean(reference, weight)
    return metrics


def _metrics_at(
    percent: int, at: int, probability: np.ndarray, targets: Targets, fold: np.ndarray
) -> dict[str, Metric]:
    """Return the metrics of the state at one checkpoint."""
    by_then = targets.event & (targets.time <= at)
    return {
        f"auroc_at_{percent}": lambda weight: cumulative_auroc(
            targets.time, targets.event, probability, weight, at, fold
        ),
        f"observed_to_expected_at_{percent}": lambda weight: observed_to_expected(
            by_then, probability, weight
        ),
    }


def calibration(
    survival: np.ndarray, targets: Targets, steps: np.ndarray, weight: np.ndarray
) -> pd.DataFrame:
    """Return predicted and observed fractions by group of prediction, at each milestone.

    Columns: step · group (1 … 10, ascending) · predicted, observed (weighted fractions memorized by
    then) · n (rows) · weight (population sequences). Groups expect equally many events: deciles of
    the population would put nearly all the memorized into the last. Equal predictions share one.
    """
    parts = []
    for at in milestones(steps).values():
        probability = 1 - survival[:, at - 1]
        by_then = targets.event & (targets.time <= at)
        table = pd.DataFrame(
            {
                "group": _group(probability, weight),
                "predicted": weight * probability,
                "observed": weight * by_then,
                "n": np.ones(len(weight), dtype=np.int64),
                "weight": weight,
            }
        )
        sums = table.groupby("group", as_index=False).sum()
        for name in ("predicted", "observed"):
            sums[name] /= sums["weight"]
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


def event_statistics(
    targets: Targets, steps: np.ndarray, weight: np.ndarray, event: str
) -> dict[str, Any]:
    """Return which event is studied, how many have it, and when: weighted quantiles of its step."""
    happened = targets.event
    order = np.argsort(targets.time[happened], kind="stable")
    times = steps[targets.time[happened][order] - 1]
    share = np.cumsum(weight[happened][order]) / weight[happened].sum()
    return {
        "event": event,
        "n": len(targets),
        "n_events": int(happened.sum()),
        "population_fraction": float(np.average(happened, weights=weight)),
        "event_step_quantiles": {
            f"{q:.0%}": int(times[min(np.searchsorted(share, q), len(times) - 1)])
            for q in (0.1, 0.5, 0.9)
        },
    }


def metrics_of(
    evaluation: Evaluation,
    survival: Mapping[tuple[str, str], np.ndarray],
    scored: Callable[[int], None] = lambda runs: None,
) -> dict[str, Any]:
    """Return tier -> model -> metric -> {value, low, high} of (tier, model) -> survival [n, c].

    ``brier_skill`` is against the model kaplan_meier, where that was run.
    """
    baselines = [curves for (_, name), curves in survival.items() if name == "kaplan_meier"]
    baseline = baselines[0] if baselines else None
    metrics: dict[str, Any] = {}
    for (tier, name), curves in survival.items():
        metrics.setdefault(tier, {})[name] = evaluation.scores(curves, baseline)
        scored(1)
    return metrics


def calibration_of(
    evaluation: Evaluation, survival: Mapping[tuple[str, str], np.ndarray]
) -> pd.DataFrame:
    """Return `calibration` of every model, after the columns tier and model."""
    parts = []
    for (tier, name), curves in survival.items():
        part = calibration(curves, evaluation.targets, evaluation.steps, evaluation.weight)
        part.insert(0, "tier", tier)
        part.insert(1, "model", name)
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def _mean(values: np.ndarray, weight: np.ndarray) -> np.ndarray:
    return weight @ values / weight.sum(axis=-1)
