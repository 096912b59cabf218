"""Observed survival by how often a text occurs in the training data."""

from __future__ import annotations

import numpy as np
import pandas as pd

from memorization.evaluation.bootstrap import Bootstrap
from memorization.study import Study
from memorization.study.strata import ALL, STRATA, finest_count, stratum_of
from memorization.when.kaplan_meier import curve_of, kaplan_meier

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
            low, high = _band(own, bootstrap.take(rows))
            parts.append(
                pd.DataFrame(
                    {
                        "stratum": name,
                        "step": own.steps.astype(np.int32),
                        "survival": kaplan_meier(own.times, own.weight),
                        "low": low,
                        "high": high,
                        "n": len(own),
                        "n_events": int(own.times.event.sum()),
                    }
                )
            )
    return pd.concat(parts, ignore_index=True)


def _band(study: Study, bootstrap: Bootstrap) -> tuple[np.ndarray, np.ndarray]:
    """Return the band of one stratum, two float [c]; NaN if no replicate draws it."""
    drawn = bootstrap.multiplicities[bootstrap.multiplicities.any(axis=1)]
    if not len(drawn):
        unknown = np.full(study.times.n_times, np.nan)
        return unknown, unknown
    level = bootstrap.level
    curves = Bootstrap(drawn, level).replicate(curve_of(study.times), study.weight, BLOCK)
    low, high = np.quantile(curves, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return low, high
