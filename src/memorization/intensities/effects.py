"""What moves a transition, and how surely: coefficients of the clock with intervals over texts."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.stats import t as student

from memorization.evaluation.crossfit import unit_weight
from memorization.evaluation.intervals import kish
from memorization.intensities.clock import EXPOSURE
from memorization.intensities.jackknife import jackknife
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
