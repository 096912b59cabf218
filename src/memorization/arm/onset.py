"""When, in the experiment: time to onset by dose, copies that it takes, loss, and what if."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from lifelines import CoxPHFitter, KaplanMeierFitter, LogLogisticAFTFitter

from memorization.arm.outcomes import EXACT, cells_of
from memorization.intensities.clock import planned, reached
from memorization.intensities.effects import effects, fit_clock
from memorization.labels.trajectories import Trajectories
from memorization.study import Histories, Study

# Fewer onsets than this are no basis for a regression.
FEWEST = 10


def histories_of(units: pd.DataFrame, trajectories: Trajectories) -> Histories:
    """Return the states and exposures of the units, `memorization.tables.ARM`, in their order."""
    plan = planned([np.asarray(own) for own in units["exposure_steps"]], trajectories.steps)
    return Histories(trajectories.memorized, trajectories.observed, plan.steps, plan.seen)


def timing(units: pd.DataFrame, histories: Histories, level: float) -> dict[str, Any]:
    """Return when units are first memorized, by dose, and how long memory lasts without copies.

    Returns
    -------
    dict
        ``acceleration``: by which factor the time to the first onset is multiplied at each doubling
        of the dose (log-logistic, interval-censored); ``hazard``: the hazard ratio of a doubling
        (Cox); both of exact copies at random positions; None where there are too few onsets.
        ``onset``: cell -> ``n``, ``ever``, the ``steps`` of the first onsets, ascending, and the
        median ``step`` and ``copies`` at which units are first memorized, those that never are
        censored at the end and at their dose (None: fewer than half are). ``loss``: cell -> ``n``,
        the units that are memorized at the checkpoint after their last copy, and the median number
        of ``steps`` until they are not.
    """
    memorized, steps = histories.memorized, histories.steps
    ever, first = np.asarray(memorized.any(axis=1)), memorized.argmax(axis=1)
    assert histories.seen is not None
    total = histories.seen[:, -1]
    copies = np.where(ever, histories.seen[np.arange(len(first)), first], total)
    onset_step = np.where(ever, steps[first], steps[-1])
    last = np.array([max(own, default=0) for own in units["exposure_steps"]])
    after = np.minimum(np.searchsorted(steps, last), len(steps) - 1)
    onset, loss = {}, {}
    for cell, rows in cells_of(units).items():
        if not len(units.iloc[rows[0]]["exposure_steps"]):
            continue
        onset[cell] = {
            "n": len(rows),
            "ever": int(ever[rows].sum()),
            "steps": np.sort(onset_step[rows][ever[rows]]).tolist(),
            "step": _median(onset_step[rows], ever[rows]),
            "copies": _median(copies[rows], ever[rows]),
        }
        held = rows[memorized[rows, after[rows]] & (after[rows] < len(steps) - 1)]
        gone = [~memorized[row, after[row] :] for row in held]
        lost = np.array([own.any() for own in gone], dtype=bool)
        length = [
            steps[after[row] + (own.argmax() if own.any() else len(own) - 1)] - steps[after[row]]
            for row, own in zip(held, gone, strict=True)
        ]
        loss[cell] = {"n": len(held), "steps": _median(np.array(length), lost)}
    dosed = (units["schedule"] == "random").to_numpy() & (units["dose"] > 0).to_numpy()
    doublings = np.log2(units["dose"].to_numpy(dtype=np.float64)[dosed])
    return {
        **_regressions(doublings, ever[dosed], first[dosed], steps, level),
        "onset": onset,
        "loss": loss,
    }


def _median(time: np.ndarray, event: np.ndarray) -> float | None:
    """Return the Kaplan-Meier median, None where it is not reached."""
    if not event.any():
        return None
    found = float(KaplanMeierFitter().fit(time, event).median_survival_time_)
    return found if np.isfinite(found) else None


def _regressions(
    doublings: np.ndarray, ever: np.ndarray, first: np.ndarray, steps: np.ndarray, level: float
) -> dict[str, Any]:
    if ever.sum() < FEWEST or len(np.unique(doublings)) < 2:
        return {"acceleration": None, "hazard": None}
    parts = np.append(1e-6, steps / steps[-1])
    frame = pd.DataFrame({"doublings": doublings})
    frame["lower"] = np.where(ever, parts[first], parts[-1])
    frame["upper"] = np.where(ever, parts[first + 1], np.inf)
    accelerated = LogLogisticAFTFitter(alpha=1 - level)
    accelerated.fit_interval_censoring(frame, "lower", "upper")
    times = pd.DataFrame({"doublings": doublings, "time": first + 1, "event": ever})
    times.loc[~ever, "time"] = len(steps)
    proportional = CoxPHFitter(alpha=1 - level).fit(times, "time", "event")
    return {
        "acceleration": _factor(accelerated.summary.loc[("alpha_", "doublings")]),
        "hazard": _factor(proportional.summary.loc["doublings"]),
    }


def _factor(row: pd.Series) -> dict[str, float]:
    """Return a coefficient's exponential with its interval, from a summary of lifelines."""
    ends = [name for name in row.index if name.startswith("exp(coef)")]
    low, high = (
        float(row[next(name for name in ends if side in name)]) for side in ("lower", "upper")
    )
    return {"value": float(row["exp(coef)"]), "low": low, "high": high}


def study_of_arm(units: pd.DataFrame, histories: Histories) -> Study:
    """Return the units with exact copies as a study: of equal weight, each a text of its own."""
    rows = units["schedule"].isin(EXACT).to_numpy()
    own = units[rows]
    n = len(own)
    return Study(
        index=np.arange(n),
        features=pd.DataFrame(index=range(n)),
        truth=own["memorized"].to_numpy(dtype=bool),
        weight=np.ones(n),
        splits=pd.DataFrame({"cluster": np.arange(n), "fold": own["block"].to_numpy()}),
        steps=histories.steps,
        histories=histories.take(rows),
    )


def experiment(
    units: pd.DataFrame, histories: Histories, contrast_dose: int, level: float
) -> dict[str, Any]:
    """Return the intensities fitted to the units, and what they say of schedules never tried.

    Returns
    -------
    dict
        ``effects``, see `memorization.intensities.effects`; ``what_if``: schedule -> ``end``,
        probability of being memorized at the end; ``ever``; ``durable``, to be so for the whole
        last tenth of training; ``share``, part of training spent memorized, as expected;
        ``half_life``, steps after the last copy until the probability is
        half of what it was (None: not by the end).
    """
    study = study_of_arm(units, histories)
    fitted = fit_clock(study)
    steps = histories.steps
    end, largest = int(steps[-1]), int(units["dose"].max())

    def spread(copies: int, start: float, stop: float) -> np.ndarray:
        return np.ceil(np.linspace(start * end, stop * end, copies + 1)[1:]).astype(np.int64)

    schedules = {
        "early": spread(contrast_dose, 0.0, 0.2),
        "even": spread(contrast_dose, 0.0, 1.0),
        "late": spread(contrast_dose, 0.8, 1.0),
        "first_half": spread(contrast_dose, 0.0, 0.5),
        "few": spread(max(largest // 16, 1), 0.0, 1.0),
        "many": spread(largest, 0.0, 1.0),
    }
    found = fitted.forecast(planned(list(schedules.values()), steps))
    length = np.diff(steps, prepend=0) / end
    tenth = reached(steps, 90)
    return {
        "effects": effects(study, level, fitted),
        "what_if": {
            name: {
                "copies": len(schedule),
                "end": float(found.memorized[row, -1]),
                "ever": float(1 - found.survival[row, -1]),
                "durable": float(found.durable[row, tenth]),
                "share": float(found.memorized[row] @ length),
                "half_life": _half_life(found.memorized[row], steps, int(schedule[-1])),
            }
            for row, (name, schedule) in enumerate(schedules.items())
        },
    }


def _half_life(memorized: np.ndarray, steps: np.ndarray, last: int) -> int | None:
    at = min(int(np.searchsorted(steps, last)), len(steps) - 1)
    half = np.flatnonzero(memorized[at:] <= memorized[at] / 2)
    return int(steps[at + half[0]] - steps[at]) if len(half) else None
