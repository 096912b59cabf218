"""The natural texts that the experiment is compared with."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from memorization.strata import CONTINUATIONS
from memorization.tables import FEATURES, LABELS, SEQUENCES, SPLITS, joined, read_table

# The features that stand for the covariates of `memorization.arm.gap`.
COVARIATES = {
    "exposed_surprisal": "ngram.surprisal",
    "compressibility": "compressibility.zlib_ratio",
}


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
    if not {CONTINUATIONS, *COVARIATES.values()} <= set(rows.columns):
        return None
    return pd.DataFrame(
        {
            "index": rows["index"],
            "count": rows[CONTINUATIONS],
            "memorized": rows["memorized"],
            "weight": rows["weight"],
            "cluster": rows["cluster"],
            **{name: rows[column] for name, column in COVARIATES.items()},
        }
    )
