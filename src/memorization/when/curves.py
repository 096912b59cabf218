"""Observed survival by how often a text is repeated in the training data."""

from __future__ import annotations

import numpy as np
import pandas as pd

from memorization.errors import UserError
from memorization.metrics.bootstrap import replicate
from memorization.when.models.kaplan_meier import (
    DUPLICATES,
    STRATA,
    duplicate_stratum,
    kaplan_meier,
)
from memorization.when.targets import Targets


def survival_curves(
    features: pd.DataFrame,
    targets: Targets,
    steps: np.ndarray,
    weight: np.ndarray,
    multiplicities: np.ndarray,
    level: float,
) -> pd.DataFrame:
    """Return the weighted Kaplan-Meier curve of each stratum of duplicate count, with its band.

    Columns: stratum · step · survival, low, high (pointwise, from the cluster bootstrap) · n,
    n_events (rows of the sample). A row a checkpoint; strata without sequences are left out.

    Parameters
    ----------
    features : n rows, with the duplicate count.
    weight : float [n], population sequences a row stands for.
    multiplicities : int [replicates, n], of the cluster bootstrap.
    level : coverage of the band.

    Raises
    ------
    UserError
        If the features lack the duplicate count.
    """
    if DUPLICATES not in features:
        raise UserError(
            f"when: the survival curves need the feature '{DUPLICATES}'; add 'duplication' to "
            "features.families"
        )
    stratum = duplicate_stratum(features)
    parts = []
    for position, name in enumerate(STRATA):
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
    curves = replicate(
        lambda truth, _, weights: kaplan_meier(truth, weights), targets, None, weight, drawn
    )
    low, high = np.quantile(curves, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return low, high
