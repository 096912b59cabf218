"""What moves a transition, and how surely: coefficients of the clock with intervals over texts."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import expit
from scipy.stats import t as student

from memorization.evaluation.crossfit import unit_weight
from memorization.evaluation.intervals import kish
from memorization.intensities.clock import EXPOSURE
from memorization.intensities.logistic import (
    FREE,
    LIGHT,
    LogisticIntensities,
    design,
    time_columns,
)
from memorization.intensities.transitions import AGES, FEW_CHECKPOINTS, FEWEST, transitions
from memorization.study import Study

# More rows than any study here has: nothing is thinned.
ALL = 10**9

# Floats of chances at a time: 32 MB.
BLOCK = 2**22
# Newton steps to the maximum without a cluster, from that of all: with the second, what is left is
# far below the bias.
STEPS = 2


def fit_clock(study: Study) -> LogisticIntensities:
    """Return the intensities of all rows by the clock alone, unpenalised."""
    return LogisticIntensities.fit(study.only([]), np.random.default_rng(0), (FREE,), ALL)


def not_identified(steps: np.ndarray) -> tuple[str, ...]:
    """Return what these checkpoints cannot tell, in words; nothing, where they are many."""
    if len(steps) >= FEW_CHECKPOINTS:
        return ()
    return (
        "onset again",
        "the time since the last exposure",
        "the time in a state",
        "how often memory comes and goes, and how long it stays",
    )


def effects(
    study: Study, level: float, fitted: LogisticIntensities | None = None
) -> dict[str, dict[str, Any]]:
    """Return the coefficients of exposure and of time in a state, without any of the text.

    Of a logistic regression of each transition on the clock alone, unpenalised, with bias and
    standard errors from the jackknife over clusters, and a t reference of the clusters with the
    event in effect, less one. They are associations: in natural texts exposure is not given by lot.

    Parameters
    ----------
    level : coverage of the intervals.
    fitted : as from `fit_clock`; None: it is fitted here.

    Returns
    -------
    dict
        transition -> ``events``, ``effective_events`` and ``log_odds``: term -> {value, low, high}
        a doubling of exposures so far or since the last checkpoint, or of the time since the last;
        ``after_2`` and so on: so many checkpoints in the state or more, against one. Empty where
        exposures are not known, and without what is `not_identified`.
    """
    if study.known_histories.seen is None:
        return {}
    fitted = fitted or fit_clock(study)
    terms = fitted.terms
    moving = time_columns(study.known_histories, terms, fitted.spline)
    weight = unit_weight(study.weight)
    few = bool(not_identified(study.steps))
    splines = [f"spline_{place}" for place in range(moving.shape[2] - len(terms) + 1)]
    found = {}
    for name, periods in transitions(study.known_histories).items():
        if periods.are_few or (few and name == "again"):
            continue
        x = design(name, periods, np.empty((len(study), 0)), moving)
        own = fitted.coefficients[name]
        names = [*terms[:-1], *splines, *(f"after_{age}" for age in AGES[1:] if name != "first")]
        rows = periods.row
        start = np.array([own.intercept, *own.clock, *own.age])
        unbiased = jackknife(
            x, periods.event, weight[rows], study.cluster[rows], start, 1 / (FREE * LIGHT**2)
        )
        value, error = (of[1:] for of in unbiased)
        _, member = np.unique(study.cluster[rows], return_inverse=True)
        effective = float(kish(np.bincount(member, weight[rows] * periods.event)))
        reach = float(student.ppf((1 + level) / 2, max(effective - 1, 1e-3)))
        # A time in the state after which hardly anything happens has no coefficient to speak of.
        enough = np.bincount(periods.age, periods.event, len(AGES))[1:] >= FEWEST
        told = {*EXPOSURE, *(f"after_{age}" for age in AGES[1:][enough])}
        if few:
            told = {"seen", "newly_seen", "never_seen"}
        shown = [at for at, term in enumerate(names) if term in told]
        found[name] = {
            "events": int(periods.event.sum()),
            "effective_events": effective,
            "log_odds": {
                names[at]: {
                    "value": float(value[at]),
                    "low": float(value[at] - reach * error[at]),
                    "high": float(value[at] + reach * error[at]),
                }
                for at in shown
                if error[at] > 0
            },
        }
    return found


def jackknife(
    x: np.ndarray,
    event: np.ndarray,
    weight: np.ndarray,
    cluster: np.ndarray,
    start: np.ndarray,
    penalty: float = 0.0,
) -> tuple[np.ndarray, np.ndarray]:
    """Return a logistic regression's coefficients without their bias, and standard errors.

    Maximum likelihood finds slopes that are too steep where the texts are few. The mean of the
    estimates that leave out a cluster at a time tells by how much (Quenouille 1956, "Notes on bias
    in estimation"); a correction of more than a standard error is none, and is left out. Their
    spread about the estimate of all gives the standard errors (CR3: Bell & McCaffrey 2002, "Bias
    reduction in standard errors for linear regression with multi-stage samples"): with few clusters
    of unequal size the plain sandwich is too narrow.

    Parameters
    ----------
    x : float64 [m, k], without the column of ones.
    event, weight, cluster : bool, float64 and int [m].
    start : float64 [1 + k], intercept and slopes near the maximum.
    penalty : lambda of lambda / 2 times the sum of the squared slopes.

    Returns
    -------
    value, error : float64 [1 + k]; of a column that does not vary, as at the start, and 0.
    """
    order = np.argsort(cluster, kind="stable")
    starts = np.unique(cluster[order], return_index=True)[1]
    ends, g = np.append(starts[1:], len(order)), len(starts)
    varies = np.append(True, x.std(axis=0) > 0)
    fixed = start[1:][~varies[1:]] @ x[0, ~varies[1:]]
    full = np.hstack([np.ones((len(x), 1)), x])[order][:, varies]
    y, w = event[order].astype(np.float64), weight[order]
    ridge = np.full(full.shape[1], penalty)
    ridge[0] = 0.0

    theta = start[varies].astype(np.float64)
    theta[0] += fixed
    for _ in range(STEPS):
        chance = expit(full @ theta)
        curvature = (full.T * (w * chance * (1 - chance))) @ full + np.diag(ridge)
        theta += np.linalg.solve(curvature, full.T @ (w * (y - chance)) - ridge * theta)

    chance = expit(full @ theta)
    bent = w * chance * (1 - chance)
    own = np.stack(
        [
            (full[a:b].T * bent[a:b]) @ full[a:b]
            for a, b in zip(starts.tolist(), ends.tolist(), strict=True)
        ]
    )
    without = own.sum(axis=0) + np.diag(ridge) - own
    each = np.tile(theta, (g, 1))
    size = max(1, BLOCK // len(full))
    for _ in range(STEPS):
        for first in range(0, g, size):
            block = slice(first, min(first + size, g))
            score = _score_without(full, y, w, each[block], starts[block], ends[block])
            each[block] += np.linalg.solve(
                without[block], (score - ridge * each[block])[:, :, None]
            )[:, :, 0]
    error = np.sqrt(((each - theta) ** 2).sum(axis=0) * (g - 1) / g)
    bias = (g - 1) * (each.mean(axis=0) - theta)
    theta[0] -= fixed
    value, spread = start.astype(np.float64), np.zeros(len(start))
    value[varies] = np.where(np.abs(bias) <= error, theta - bias, theta)
    spread[varies] = error
    return value, spread


def _score_without(
    full: np.ndarray,
    y: np.ndarray,
    weight: np.ndarray,
    each: np.ndarray,
    starts: np.ndarray,
    ends: np.ndarray,
) -> np.ndarray:
    """Return the gradient over all rows but those of one cluster, float64 [g, k], of g clusters.

    Parameters
    ----------
    each : float64 [g, k], where the gradient is taken.
    starts, ends : of the clusters' rows, which follow each other.
    """
    residual = (y - expit(each @ full.T)) * weight
    rows = slice(starts[0], ends[-1])
    of = np.repeat(np.arange(len(starts)), ends - starts)
    mine = full[rows] * residual[of, np.arange(rows.start, rows.stop)][:, None]
    return residual @ full - np.add.reduceat(mine, starts - starts[0])
