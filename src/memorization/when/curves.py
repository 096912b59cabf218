"""Observed survival by how often a text occurs in the training data."""

from __future__ import annotations

import numpy as np
import pandas as pd

from memorization.evaluation.bootstrap import replicate
from memorization.study.strata import ALL, STRATA, finest_count, stratum_of
from memorization.study.targets import Targets
from memorization.when.models.kaplan_meier import curve_of, kaplan_meier

# Floats of weights at a time; left-censored events are shared out for that many at once.
BLOCK = 2**22


def survival_curves(
    features: pd.DataFrame,
    targets: Targets,
    steps: np.ndarray,
    weight: np.ndarray,
    multiplicities: np.ndarray,
    level: float,
) -> pd.DataFrame:
    """Return the weighted Kaplan-Meier curve of each stratum of `finest_count`, with its band.

    Columns: stratum · step · survival, low, high (pointwise, from the cluster bootstrap) · n,
    n_events (rows of the sample). A row a checkpoint; strata without sequences are left out. Where
    nothing was counted, all sequences are one stratum, "all".

    Parameters
    ----------
    features : n rows, with the counts or without.
    weight : float [n], population sequences a row stands for.
    multiplicities : int [replicates, n], of the cluster bootstrap.
    level : coverage of the band.
    """
    column = finest_count(features.columns)
    if column is not None:
        names, stratum = list(STRATA), stratum_of(features[column].to_numpy())
    else:
        names, stratum = [ALL], np.zeros(len(features), dtype=np.int64)
    parts = []
    for position, name in enumerate(names):
        rows = stratum == position
        if rows.any():
            own = targets.take(rows)
            low, high = _band(own, weight[rows], multiplicities[:, rows], level)
            parts.append(
                pd.DataFrame(
                    {
                        "stratum": name,
                        "step": steps.astype(np.int32),
                        "survival": kaplan_meier(own, weight[rows]),
                        "low": low,
                        "high": high,
                        "n": int(rows.sum()),
                        "n_events": int(own.event.sum()),
                    }
                )
            )
    return pd.concat(parts, ignore_index=True)


def _band(
    targets: Targets, weight: np.ndarray, multiplicities: np.ndarray, level: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the band of one stratum, two float [c]; NaN if no replicate draws it."""
    drawn = multiplicities[multiplicities.any(axis=1)]
    if not len(drawn):
        return np.full(targets.n_times, np.nan), np.full(targets.n_times, np.nan)
    curve = curve_of(targets)
    curves = replicate(lambda _, __, weights: curve(weights), None, None, weight, drawn, BLOCK)
    low, high = np.quantile(curves, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return low, high
