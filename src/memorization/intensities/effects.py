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
    LogisticIntensities,
    design,
    time_columns,
)
from memorization.intensities.transitions import AGES, FEW_CHECKPOINTS, FEWEST, transitions
from memorization.study import Study

# More rows than any study here has: nothing is thinned.
ALL = 10**9


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

    Of a logistic regression of each transition on the clock alone, unpenalised; its intervals are
    cluster-robust, with a t reference of the clusters with the event in effect, less one. They are
    associations: in natural texts exposure is not given by lot.

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
        beta = np.array([*own.clock, *own.age])
        residual = periods.event - expit(own.intercept + x @ beta)
        rows = periods.row
        error = robust_errors(x, residual, weight[rows], study.cluster[rows])
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
                    "value": float(beta[at]),
                    "low": float(beta[at] - reach * error[at]),
                    "high": float(beta[at] + reach * error[at]),
                }
                for at in shown
                if error[at] > 0
            },
        }
    return found


def robust_errors(
    x: np.ndarray, residual: np.ndarray, weight: np.ndarray, cluster: np.ndarray
) -> np.ndarray:
    """Return the cluster-robust standard errors of a logistic regression's slopes, float64 [k].

    Those of the jackknife that leaves out a cluster at a time, by one Newton step each (CR3: Bell &
    McCaffrey 2002, "Bias reduction in standard errors for linear regression with multi-stage
    samples"): with few clusters of unequal size the plain sandwich is too narrow. 0 for a column
    that does not vary.

    Parameters
    ----------
    x : float64 [m, k], without the column of ones.
    residual : float64 [m], event less its fitted chance.
    weight, cluster : float64 and int [m].
    """
    varies = x.std(axis=0) > 0
    order = np.argsort(cluster, kind="stable")
    starts = np.unique(cluster[order], return_index=True)[1]
    full = np.hstack([np.ones((len(x), 1)), x[:, varies]])[order]
    chance = np.where(residual > 0, 1 - residual, -residual)[order]
    curvature = weight[order] * chance * (1 - chance)
    score = np.add.reduceat(full * (weight[order] * residual[order])[:, None], starts)
    parts = np.split(np.arange(len(full)), starts[1:])
    own = np.stack([full[part].T @ (curvature[part, None] * full[part]) for part in parts])
    without = own.sum(axis=0) - own
    moved = np.einsum("gij,gj->gi", np.linalg.pinv(without, hermitian=True), score)
    g = len(score)
    error = np.zeros(x.shape[1])
    error[varies] = np.sqrt((moved**2).sum(axis=0) * (g - 1) / g)[1:]
    return error
