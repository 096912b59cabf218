"""The natural texts that the experiment is compared with."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from memorization.arm.gap import COVARIATES
from memorization.intensities.forward import Forecast
from memorization.intensities.logistic import LogisticIntensities
from memorization.strata import CONTINUATIONS
from memorization.study import Histories
from memorization.tables import FEATURES, LABELS, SEQUENCES, SPLITS, joined, read_table

# The features that stand for the covariates of the gap.
FEATURES_OF = dict(zip(COVARIATES, ("ngram.surprisal", "compressibility.zlib_ratio"), strict=True))


def clock_forecast(results: Path, histories: Histories) -> Forecast | None:
    """Return what the exposure clock, fitted to natural texts, expects of units with histories.

    None where it was not fitted: without exposures, or too few memorized.
    """
    path = results / "models" / "when" / "corpus-exposure_clock.json"
    if not path.exists():
        return None
    return LogisticIntensities.load(path).forecast(histories)


def natural_texts(results: Path) -> pd.DataFrame | None:
    """Return the natural sequences of a folder of results, as `gaps` has them, by ``index``.

    None where a feature that it needs was not computed.
    """
    rows = joined(
        read_table(results / "sequences.parquet", SEQUENCES),
        labels=read_table(results / "labels.parquet", LABELS),
        features=read_table(results / "features.parquet", FEATURES),
        splits=read_table(results / "splits.parquet", SPLITS),
    )
    if not {CONTINUATIONS, *FEATURES_OF.values()} <= set(rows.columns):
        return None
    return pd.DataFrame(
        {
            "index": rows["index"],
            "count": rows[CONTINUATIONS],
            "memorized": rows["memorized"],
            "weight": rows["weight"],
            "cluster": rows["cluster"],
            **{name: rows[column] for name, column in FEATURES_OF.items()},
        }
    )
