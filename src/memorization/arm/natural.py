"""The natural texts that the experiment is compared with, and what their models expect of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd
from threadpoolctl import threadpool_limits

from memorization.arm.gap import COVARIATES
from memorization.arm.outcomes import inputs_of
from memorization.features import FAMILIES, compute_features, feature_of
from memorization.files import read_object
from memorization.intensities.forward import Forecast
from memorization.intensities.logistic import LogisticIntensities
from memorization.randomness import generator
from memorization.strata import CONTINUATIONS
from memorization.study import Histories, Study, read_features
from memorization.suite import Suite
from memorization.tables import (
    ARM_FORECASTS,
    LABELS,
    SEQUENCES,
    SPLITS,
    curves_column,
    curves_matrix,
    empty_table,
    joined,
    read_table,
)

# The features that stand for the covariates of the gap.
FEATURES_OF = dict(zip(COVARIATES, ("ngram.surprisal", "compressibility.zlib_ratio"), strict=True))


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


def natural_texts(results: Path) -> pd.DataFrame | None:
    """Return the natural sequences of a folder of results, as `gaps` has them, by ``index``.

    None where a feature that it needs was not computed.
    """
    rows = joined(
        read_table(results / "sequences.parquet", SEQUENCES),
        labels=read_table(results / "labels.parquet", LABELS),
        features=read_features(results / "features.parquet"),
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
