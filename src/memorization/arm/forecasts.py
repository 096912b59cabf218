"""Does what was learnt of natural texts hold in the experiment?

The intensities of onset and loss in natural texts forecast the units, which they have never seen:
by exposure alone, and by exposure and text. A difference between expected and observed is not only
a bias: natural texts that occur as often are others, and stand at any offset.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from memorization.arm.intervals import mean
from memorization.arm.outcomes import EXACT, cells_of, inputs_of
from memorization.features import FAMILIES, compute_features, feature_of
from memorization.files import read_object
from memorization.intensities.forward import Forecast
from memorization.intensities.logistic import LogisticIntensities
from memorization.randomness import generator
from memorization.study import Histories, Study
from memorization.suite import Suite
from memorization.tables import (
    ARM_FORECASTS,
    curves_column,
    curves_matrix,
    empty_table,
    read_table,
)


def forecasts(
    results: Path, followed: Study, units: pd.DataFrame, suite: Suite, histories: Histories
) -> dict[str, Forecast]:
    """Return what models of natural texts expect of the units: ``exposure_clock``, ``with_text``.

    The second knows the text, too: the features of the tier ``text`` that can be computed of a
    unit. Nothing where the clock was not fitted: without exposures, or too few memorized.

    Parameters
    ----------
    followed : the natural texts.
    units : as `memorization.tables.ARM_UNITS`; ``histories`` are theirs.
    """
    path = results / "models" / "when" / "corpus-exposure_clock.json"
    if not path.exists():
        return {}
    names = [n for n in map(str, followed.features) if feature_of(n).tier == "text"]
    families = [family for family in FAMILIES if any(n.startswith(f"{family}.") for n in names)]
    text = compute_features(inputs_of(units, suite), families)
    names = [name for name in names if not text[name].isna().all()]
    rng = generator(followed.seed, "experiment foretold with text")
    with threadpool_limits(1):
        with_text = LogisticIntensities.fit(followed.only(names), rng)
    return {
        "exposure_clock": read_object(LogisticIntensities, path).forecast(histories),
        "with_text": with_text.forecast(histories, text[names]),
    }


def forecast_table(units: pd.DataFrame, found: Mapping[str, Forecast]) -> pd.DataFrame:
    """Return the forecasts of the units as `memorization.tables.ARM_FORECASTS`."""
    parts = [
        pd.DataFrame(
            {
                "unit": units["unit"].to_numpy(),
                "model": pd.Series([model] * len(units), dtype=object),
                "survival": curves_column(forecast.survival),
                "memorized": curves_column(forecast.memorized),
            }
        )
        for model, forecast in found.items()
    ]
    return pd.concat(parts, ignore_index=True) if parts else empty_table(ARM_FORECASTS)


def read_forecasts(results: Path, units: pd.DataFrame) -> dict[str, Forecast]:
    """Return the forecasts of a folder of results, by model, in the order of the units."""
    table = read_table(results / "predictions" / "arm.parquet", ARM_FORECASTS)
    found = {}
    for model, own in table.groupby("model", sort=False):
        rows = own.set_index("unit").loc[units["unit"]]
        curves = (curves_matrix(rows[name]) for name in ("survival", "memorized"))
        found[str(model)] = Forecast.of(*curves)
    return found


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
