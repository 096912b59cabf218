"""The Kaplan-Meier estimate of survival, weighted, for left-censored events too; and by count."""

from __future__ import annotations

import numpy as np
import pandas as pd

from memorization.evaluation.bootstrap import Bootstrap
from memorization.evaluation.intervals import interval
from memorization.evaluation.metrics.sums import GroupSums, OfWeights
from memorization.strata import ALL, STRATA, finest_count, stratum_of
from memorization.study import Study, Targets

# The self-consistent curve of left-censored events is iterated until no probability moves by more,
# or so often.
TOLERANCE = 1e-7
ITERATIONS = 1000


def kaplan_meier(targets: Targets, weight: np.ndarray) -> np.ndarray:
    """Return the weighted Kaplan-Meier survival at each checkpoint, float [..., c].

    The product over checkpoints of 1 - events / at risk (Kaplan & Meier 1958), both weighted; at
    risk are the sequences without event or censoring before it. Where nobody is at risk it stays as
    it is. Events that are left-censored are shared out among the checkpoints up to theirs as the
    curve itself has it (Turnbull 1976, "The empirical distribution function with arbitrarily
    grouped, censored and truncated data").

    Parameters
    ----------
    weight : float [..., n]; leading axes, if any, are those of the result.

    >>> targets = Targets(np.array([1, 2, 3]), np.array([1, 1, 0], bool), 3)
    >>> kaplan_meier(targets, np.array([1.0, 1.0, 2.0])).round(6).tolist()
    [0.75, 0.5, 0.5]
    """
    return curve_of(targets)(np.asarray(weight, dtype=np.float64))


def curve_of(targets: Targets) -> OfWeights:
    """Return `kaplan_meier` as a function of the weights, the rows sorted once."""
    c, left = targets.n_times, targets.left_censored
    events = _sums(targets.event & ~left, targets.time - 1, c)
    censored = _sums(~targets.event, targets.time - 1, c)
    before = _sums(left, targets.time - 1, c)

    def of_weights(weight: np.ndarray) -> np.ndarray:
        known, gone = events(weight), censored(weight)
        total = weight.sum(axis=-1, keepdims=True)
        if not left.any():
            return _product_limit(known, gone, total)
        unknown = before(weight)
        # At first as if the event could be anywhere before.
        parts = unknown / np.arange(1, c + 1)
        survival = _product_limit(known + _from_here_on(parts), gone, total)
        for _ in range(ITERATIONS):
            mass = -np.diff(survival, axis=-1, prepend=1.0)
            happened = np.maximum(1 - survival, np.finfo(float).tiny)
            expected = known + mass * _from_here_on(unknown / happened)
            last, survival = survival, _product_limit(expected, gone, total)
            if np.abs(survival - last).max(initial=0) < TOLERANCE:
                break
        return survival

    return of_weights


def _sums(rows: np.ndarray, group: np.ndarray, c: int) -> GroupSums:
    return GroupSums.of(np.flatnonzero(rows), group[rows], c)


def _from_here_on(values: np.ndarray) -> np.ndarray:
    return np.cumsum(values[..., ::-1], axis=-1)[..., ::-1]


def _product_limit(events: np.ndarray, censored: np.ndarray, total: np.ndarray) -> np.ndarray:
    """Return the curve of events and censorings at checkpoints, of a total weight, [..., c]."""
    left = events + censored
    at_risk = total - (np.cumsum(left, axis=-1) - left)
    # The difference of two sums over the same rows may round to just above zero.
    some = at_risk > 1e-9 * total
    hazard = np.divide(events, at_risk, out=np.zeros_like(events), where=some)
    return np.cumprod(1 - np.clip(hazard, 0, 1), axis=-1)


# Floats of weights at a time; left-censored events are shared out for that many at once.
BLOCK = 2**22


def survival_curves(study: Study, bootstrap: Bootstrap) -> pd.DataFrame:
    """Return the weighted Kaplan-Meier curve of each stratum of `finest_count`, with its band.

    Columns: stratum · step · survival, low, high (pointwise, from the cluster bootstrap) · n,
    n_events (rows of the sample). A row a checkpoint; strata without sequences are left out. Where
    nothing was counted, all sequences are one stratum, "all".
    """
    column = finest_count(study.features.columns)
    if column is not None:
        names, stratum = list(STRATA), stratum_of(study.features[column].to_numpy())
    else:
        names, stratum = [ALL], np.zeros(len(study), dtype=np.int64)
    parts = []
    for position, name in enumerate(names):
        rows = stratum == position
        if rows.any():
            own = study.take(rows)
            survival = kaplan_meier(own.times, own.weight)
            low, high = _band(own, survival, bootstrap.take(rows))
            parts.append(
                pd.DataFrame(
                    {
                        "stratum": name,
                        "step": own.steps.astype(np.int32),
                        "survival": survival,
                        "low": low,
                        "high": high,
                        "n": len(own),
                        "n_events": int(own.times.event.sum()),
                    }
                )
            )
    return pd.concat(parts, ignore_index=True)


def _band(
    study: Study, survival: np.ndarray, bootstrap: Bootstrap
) -> tuple[np.ndarray, np.ndarray]:
    """Return the band of one stratum's curve, two float [c].

    NaN if more than 5 % of the replicates do not draw it. The cases at a checkpoint are the
    sequences with the event by then.
    """
    curve, times = curve_of(study.times), study.times

    def where_drawn(weight: np.ndarray) -> np.ndarray:
        some = weight.any(axis=-1, keepdims=True)
        return np.where(some, curve(weight), np.nan)

    by_then = times.event[:, None] & (times.time[:, None] <= np.arange(1, times.n_times + 1))
    return interval(
        survival,
        bootstrap.replicate(where_drawn, study.weight, BLOCK),
        bootstrap.effective(study.weight, by_then),
        bootstrap.level,
    )
