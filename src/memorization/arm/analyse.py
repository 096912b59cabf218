"""The arm's answer: by cell, the dose of one half, contrasts, the gap, and whether text matters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from memorization.arm.firth import half_dose
from memorization.arm.forecasts import tested
from memorization.arm.gap import gaps, over_time
from memorization.arm.intervals import mean, wilson
from memorization.arm.onset import experiment, timing
from memorization.arm.permutation import contrasts, text_effects
from memorization.intensities.forward import Forecast
from memorization.study import Histories, Study

# The first is primary: it moves at every dose.
OUTCOMES = ("logprob", "memorized")
FEATURES = ("surprisal", "compressibility")


def analyse(
    units: pd.DataFrame,
    histories: Histories,
    natural: pd.DataFrame | None,
    followed: Study | None,
    forecasts: Mapping[str, Forecast],
    contrast_dose: int,
    level: float,
    rng: np.random.Generator,
) -> dict[str, Any]:
    """Return the metrics of the arm.

    Parameters
    ----------
    units : as `memorization.tables.ARM`, of one seed or of several whose blocks differ.
    histories : of the units, see `memorization.arm.onset.histories_of`.
    natural : as for `memorization.arm.gap.gaps`; None: their features are not known.
    followed : as for `memorization.arm.gap.over_time`.
    forecasts : what models of natural texts expect of the units; there may be none.
    contrast_dose : copies of the schedules.
    level : coverage of the intervals.
    """
    exact = units[units["schedule"] == "random"]
    return {
        "units": len(units),
        "blocks": units["block"].nunique(),
        "cells": by_cell(units, level),
        "ed50": half_dose(exact["dose"].to_numpy(), exact["memorized"].to_numpy(), level),
        "contrasts": {
            outcome: contrasts(units, outcome, contrast_dose, level, rng) for outcome in OUTCOMES
        },
        "gap": None if natural is None else gaps(units, natural, level),
        "text_matters": {
            outcome: {name: text_effects(units, name, outcome, rng) for name in FEATURES}
            for outcome in OUTCOMES
        },
        "timing": timing(units, histories, level),
        "over_time": over_time(units, histories, followed, level),
        "tested": tested(units, histories, forecasts, level),
        "experiment": experiment(units, histories, contrast_dose, level),
    }


def by_cell(units: pd.DataFrame, level: float) -> dict[str, dict[str, Any]]:
    """Return what became of the units of each cell: ``n``, ``memorized``, ``ever``, ``logprob``.

    Proportions have Wilson's interval, the mean log-probability a token that of t.
    """
    found: dict[str, dict[str, Any]] = {}
    for cell, rows in units.groupby("cell", sort=False):
        found[str(cell)] = {
            "dose": int(rows["dose"].iloc[0]),
            "schedule": str(rows["schedule"].iloc[0]),
            "n": len(rows),
            **{
                name: wilson(float(rows[name].mean()), len(rows), level)
                for name in ("memorized", "ever")
            },
            "logprob": mean(rows["logprob"].to_numpy(), level),
        }
    return found
