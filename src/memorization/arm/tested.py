"""Does what was learnt of natural texts hold in the experiment?

The intensities of onset and loss in natural texts forecast the units, which they have never seen:
by exposure alone, and by exposure and text. A difference between expected and observed is not only
a bias: natural texts that occur as often are others, and stand at any offset.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from memorization.arm.intervals import mean
from memorization.arm.outcomes import EXACT, cells_of
from memorization.intensities.forward import Forecast
from memorization.study import Histories


def tested(
    units: pd.DataFrame, histories: Histories, forecasts: Mapping[str, Forecast], level: float
) -> dict[str, Any]:
    """Return what models of natural texts expect of the units, and what they did.

    Parameters
    ----------
    units : as `memorization.tables.ARM`.
    forecasts : by model.

    Returns
    -------
    dict
        model -> ``cells``: cell -> ``ever`` and ``memorized`` (at the end): ``expected``, the mean
        probability; ``observed``, the share; ``difference``, the mean of observed less expected
        over the units, with its t interval; ``brier``: squared error of ``ever``, and of the state
        (``memorized``) over all checkpoints, mean over the units that were shown exact copies; and
        of each model but the first ``saved``, by how much the first's is larger.
    """
    exact = (units["schedule"].isin(EXACT) & (units["dose"] > 0)).to_numpy()
    ever, end = np.asarray(histories.memorized.any(axis=1)), histories.memorized[:, -1]
    length = np.diff(histories.steps, prepend=0) / histories.steps[-1]
    found: dict[str, Any] = {}
    first: dict[str, np.ndarray] = {}
    for model, forecast in forecasts.items():
        expected = {"ever": 1 - forecast.survival[:, -1], "memorized": forecast.memorized[:, -1]}
        errors = {
            "ever": (ever - expected["ever"])[exact] ** 2,
            "memorized": ((histories.memorized - forecast.memorized)[exact] ** 2) @ length,
        }
        sides = {"ever": (expected["ever"], ever), "memorized": (expected["memorized"], end)}
        found[model] = {
            "cells": {
                cell: {name: _beside(*side, rows, level) for name, side in sides.items()}
                for cell, rows in cells_of(units).items()
            },
            "brier": {name: mean(error, level) for name, error in errors.items()},
        }
        if first:
            saved = {name: mean(first[name] - error, level) for name, error in errors.items()}
            found[model]["saved"] = saved
        first = first or errors
    return found


def _beside(
    expected: np.ndarray, observed: np.ndarray, rows: np.ndarray, level: float
) -> dict[str, Any]:
    return {
        "expected": float(expected[rows].mean()),
        "observed": float(observed[rows].mean()),
        "difference": mean(observed[rows] - expected[rows], level),
    }
