"""Every feature by itself: what was expected of it, and what was observed."""

from __future__ import annotations

import numpy as np

from memorization.report.names import family_name, feature_name
from memorization.report.numbers import estimate, percent
from memorization.report.results import Results
from memorization.report.tables.pipe import pipe_table

BOUNDS = {"value": "auroc", "low": "low", "high": "high"}
SIGNS = {"+": "\\+", "-": "−", "?": "?", "0": "0"}


def write(results: Results) -> str:
    """Return the AUROC of every feature with its interval, and its expected and observed sign.

    Where values are missing, another column says of how much of the population.
    """
    table = results.association
    missing = bool((table["missing"] > 0).any())
    rows = []
    for family, features in table.groupby("family", sort=False):
        for place, row in enumerate(features.to_dict("records")):
            constant = row["agreement"] == "constant"
            found = {name: row[column] for name, column in BOUNDS.items()}
            known = {name: None if np.isnan(x) or constant else x for name, x in found.items()}
            cells = [
                family_name(str(family)) if place == 0 else "",
                feature_name(row["feature"]),
                row["tier"],
                estimate(known),
                SIGNS[row["expected"]],
                "constant" if constant else SIGNS[row["observed"]],
            ]
            rows.append(cells + ([percent(row["missing"])] if missing else []))
    header = ["family", "feature", "tier", "AUROC", "expected", "observed"]
    header += ["missing"] if missing else []
    return pipe_table(header, rows, "<17 <28 <11 >22 <10 <10" + " >9" * missing)
