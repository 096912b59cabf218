"""How good a forecast is: ranking, probability, calibration, time; of the onset and the state."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from memorization.evaluation.bootstrap import Bootstrap, Replicated
from memorization.evaluation.intervals import LOG, LOGIT, SKILL, Scale
from memorization.evaluation.metrics.event_time import (
    concordance_between,
    conditional_mean_step,
    conditional_median,
    cumulative_auroc,
    integrated_squared_error,
)
from memorization.evaluation.metrics.probability import observed_to_expected
from memorization.evaluation.metrics.ranking import auroc_within
from memorization.evaluation.metrics.sums import OfWeights, ratio, weighted_mean
from memorization.intensities.clock import reached
from memorization.intensities.transitions import FEW_CHECKPOINTS
from memorization.study import Study
from memorization.when.models.kaplan_meier import kaplan_meier

# Percentages of training at which the state so far is scored.
MILESTONES = (25, 50, 75, 100)

# On which an interval is symmetric; that of the others, which lie between 0 and 1, is the logit.
SCALES = {
    "absolute_error_steps": LOG,
    "brier_skill": SKILL,
    "skill": SKILL,
    "observed_to_expected": LOG,
}

# What the metric of a kind is of.
KIND = re.compile("^(state|durable|switches|stay)_")

# Fewer sequences than this that are memorized for good, and no metric is of them.
FEWEST = 10

# Floats of weights that are scored at a time: a concordance goes through hundreds of sets of pairs,
# which few replicates at a time would not pay for.
BLOCK = 2**20


def score(
    study: Study, forecast: np.ndarray, bootstrap: Bootstrap, reference: np.ndarray | None
) -> dict[str, Replicated]:
    """Return every metric of one model's forecast with its replicates.

    Parameters
    ----------
    study : Study
        None of its rows is censored before the last checkpoint.
    forecast : float [n, 4, c], out of fold: the curves of a `Forecast`.
    reference : float [n, 4, c], of the model against which skill is measured; None: it is left out.
    """
    found, cases = {}, cases_of(study)
    survival, memorized, durable, switches = forecast.swapaxes(0, 1)
    of_onset, of_state = (None, None) if reference is None else (reference[:, 0], reference[:, 1])
    metrics = survival_metrics(study, survival, of_onset)
    if not np.isnan(memorized).any():
        metrics |= state_metrics(study, memorized, of_state)
    told = len(study.steps) >= FEW_CHECKPOINTS and study.known_histories.observed.all()
    if told and not np.isnan(switches).any():
        metrics |= stay_metrics(study, memorized, durable, switches)
    for name, metric in metrics.items():
        kind = KIND.sub("", name.partition("_at_")[0])
        scale: Scale = SCALES.get(kind, LOGIT)
        found[name] = Replicated(
            float(metric(study.weight)),
            bootstrap.replicate(metric, study.weight, BLOCK),
            float(bootstrap.effective(study.weight, cases.get(name, study.times.event))),
            scale,
        )
    return found


def cases_of(study: Study) -> dict[str, np.ndarray]:
    """Return the sequences with the event that some metrics use, bool [n]; the others use all."""
    times = study.times
    found = {"absolute_error_steps": times.event & ~times.left_censored}
    ever = study.known_histories.memorized
    of_all = ("state_brier", "state_skill", "switches_observed_to_expected")
    found |= {name: ever.any(axis=1) for name in (*of_all, "stay_observed_to_expected")}
    for percent, at in milestones(study.steps).items():
        by_then = times.event & (times.time <= at) & (times.first_evaluation <= at)
        found |= {f"{kind}_at_{percent}": by_then for kind in ("auroc", "observed_to_expected")}
        found |= {
            f"{of}_{kind}_at_{percent}": states
            for kind in ("auroc", "observed_to_expected")
            for of, states in (
                ("state", ever[:, at - 1]),
                ("durable", ever[:, at - 1 :].all(axis=1)),
            )
        }
    return found


def milestones(steps: np.ndarray) -> dict[int, int]:
    """Return percentage of training -> first checkpoint (1 … c) that has reached it.

    >>> milestones(np.array([10, 20, 30, 40]))
    {25: 1, 50: 2, 75: 3, 100: 4}
    """
    return {percent: reached(steps, percent) + 1 for percent in MILESTONES}


def survival_metrics(
    study: Study, survival: np.ndarray, reference: np.ndarray | None = None
) -> dict[str, OfWeights]:
    """Return name -> metric of the weights, vectorised over their leading axes.

    - ``concordance``: of all sequences, by expected memorization-free time within training.
    - ``concordance_memorized``: among those with the event, by its expected time given that.
    - ``auroc_at_P``, ``observed_to_expected_at_P``: of the state at P % of training.
    - ``integrated_brier``; ``brier_skill`` is the share of the reference's that is saved.
    - ``absolute_error_steps``: of the median time given the event, among those with it, in steps.

    Rankings are compared within folds, and a concordance between clusters. Where a sequence is
    first evaluated late, its state before is not known: of the state at a checkpoint are scored
    the sequences evaluated by then, whatever it was; in a concordance a left-censored event is
    earlier than what is later than its bound; and its time has no error.

    Parameters
    ----------
    survival : float [n, c], out of fold.
    """
    targets, steps, fold, cluster = study.times, study.steps, study.fold, study.cluster
    time, event, left = targets.time, targets.event, targets.left_censored
    free = np.trapezoid(np.hstack([np.ones((len(time), 1)), survival]), np.r_[0, steps], axis=1)
    expected = conditional_mean_step(survival[event], steps)
    exact = event & ~left
    off = np.abs(steps[time[exact] - 1] - steps[conditional_median(survival[exact]) - 1])
    error, share = _squared_errors(study, survival)
    among = concordance_between(
        time[event], event[event], -expected, cluster[event], fold[event], left[event]
    )
    metrics: dict[str, OfWeights] = {
        "concordance": concordance_between(time, event, -free, cluster, fold, left),
        "concordance_memorized": lambda weight: among(np.compress(event, weight, axis=-1)),
        "integrated_brier": lambda weight: ratio(weight @ error, weight @ share),
        "absolute_error_steps": lambda weight: weighted_mean(
            off, np.compress(exact, weight, axis=-1)
        ),
    }
    for percent, at in milestones(steps).items():
        metrics |= _metrics_at(study, percent, at, 1 - survival[:, at - 1])
    if reference is not None:
        known, _ = _squared_errors(study, reference)
        metrics["brier_skill"] = lambda weight: 1 - ratio(weight @ error, weight @ known)
    return metrics


def state_metrics(
    study: Study, memorized: np.ndarray, reference: np.ndarray | None = None
) -> dict[str, OfWeights]:
    """Return name -> metric of the weights, of the state itself: it may be lost, and come again.

    - ``state_brier``: squared error of the probability of being memorized, over the checkpoints at
      which a sequence was looked at, by their share of training; ``state_skill`` is the share of
      the reference's that is saved.
    - ``state_auroc_at_P``, ``state_observed_to_expected_at_P``: at P % of training.

    Parameters
    ----------
    memorized : float [n, c], out of fold.
    """
    histories = study.known_histories
    length = histories.observed * np.diff(histories.steps, prepend=0) / histories.steps[-1]

    def errors(probability: np.ndarray) -> np.ndarray:
        return ((histories.memorized - probability) ** 2 * length).sum(axis=1)

    error, share = errors(memorized), length.sum(axis=1)
    metrics: dict[str, OfWeights] = {
        "state_brier": lambda weight: ratio(weight @ error, weight @ share)
    }
    for percent, at in milestones(study.steps).items():
        known = histories.observed[:, at - 1]
        truth, p = histories.memorized[known, at - 1], memorized[known, at - 1]
        area = auroc_within(study.fold[known]).prepare(truth, p)
        metrics |= _known_at(f"_at_{percent}", known, truth, p, area, "state_")
    if reference is not None:
        other = errors(reference)
        metrics["state_skill"] = lambda weight: 1 - ratio(weight @ error, weight @ other)
    return metrics


def stay_metrics(
    study: Study, memorized: np.ndarray, durable: np.ndarray, switches: np.ndarray
) -> dict[str, OfWeights]:
    """Return name -> metric of the weights, of how long memory stays, and whether for good.

    - ``switches_observed_to_expected``: onsets and losses a sequence.
    - ``stay_observed_to_expected``: the mean length of a stay in memory, in checkpoints.
    - ``durable_auroc_at_P``, ``durable_observed_to_expected_at_P``: of being memorized at every
      checkpoint from P % of training on.

    Parameters
    ----------
    memorized, durable, switches : float [n, c], out of fold, of sequences looked at from the start.
    """
    states = study.known_histories.memorized.astype(np.float64)
    happened = np.abs(np.diff(states, axis=1, prepend=0.0)).sum(axis=1)
    expected = switches[:, -1]
    # A stay begins with an onset; it ends with a loss, or lasts to the end.
    stays, expected_stays = (happened + states[:, -1]) / 2, (expected + memorized[:, -1]) / 2
    length, expected_length = states.sum(axis=1), memorized.sum(axis=1)
    metrics: dict[str, OfWeights] = {
        "switches_observed_to_expected": lambda weight: ratio(weight @ happened, weight @ expected),
        "stay_observed_to_expected": lambda weight: ratio(
            ratio(weight @ length, weight @ stays),
            ratio(weight @ expected_length, weight @ expected_stays),
        ),
    }
    for percent, at in milestones(study.steps).items():
        truth, p = np.asarray(states[:, at - 1 :].all(axis=1)), durable[:, at - 1]
        if at < len(study.steps) and truth.sum() >= FEWEST:
            area = auroc_within(study.fold).prepare(truth, p)
            everyone = np.ones(len(study), bool)
            metrics |= _known_at(f"_at_{percent}", everyone, truth, p, area, "durable_")
    return metrics


def _squared_errors(study: Study, survival: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    targets = study.times
    return integrated_squared_error(
        survival, targets.time, targets.event, study.steps, targets.first_evaluation
    )


def _metrics_at(
    study: Study, percent: int, at: int, probability: np.ndarray
) -> dict[str, OfWeights]:
    """Return the metrics of the state at one checkpoint, of the sequences evaluated by then."""
    known = study.times.first_evaluation <= at
    own, p = study.times.take(known), probability[known]
    by_then = own.event & (own.time <= at)
    area = cumulative_auroc(own.time, own.event, p, at, study.fold[known])
    return _known_at(f"_at_{percent}", known, by_then, p, area)


def _known_at(
    when: str, known: np.ndarray, truth: np.ndarray, p: np.ndarray, area: OfWeights, of: str = ""
) -> dict[str, OfWeights]:
    """Return area and calibration of what is known of some rows only, by names of one kind."""
    return {
        f"{of}auroc{when}": lambda weight: area(np.compress(known, weight, axis=-1)),
        f"{of}observed_to_expected{when}": lambda weight: observed_to_expected(
            truth, p, np.compress(known, weight, axis=-1)
        ),
    }


def event_statistics(study: Study) -> dict[str, Any]:
    """Return how many have the event, and when: quantiles of its step.

    The quantiles are those of the marginal curve, given the event by the end: weighted to the
    population, and with the left-censored where they are likely to belong.
    """
    targets, steps, weight = study.times, study.steps, study.weight
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
