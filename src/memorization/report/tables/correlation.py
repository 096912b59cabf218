"""Which families hold features that say the same?"""

from __future__ import annotations

import numpy as np
import pandas as pd

from memorization.association.correlation import SAME
from memorization.report.names import family_name, feature_name
from memorization.report.numbers import MISSING, count, decimal
from memorization.report.results import Results
from memorization.report.tables.pipe import pipe_table


def write(results: Results) -> str:
    """Return the pairs of families with features that say the same, most alike first."""
    pairs = same_pairs(results.correlation)
    rows = [
        [
            family_name(row["family"]),
            feature_name(row["feature"]),
            family_name(row["other_family"]),
            feature_name(row["other"]),
            decimal(row["spearman"], 2),
            count(row["pairs"]),
        ]
        for row in pairs.to_dict("records")
    ]
    header = ["family", "feature", "other family", "its feature", "ρ", "pairs of features"]
    widths = "<17 <26 <17 <26 >8 >10"
    return pipe_table(header, rows or [[MISSING] * len(header)], widths)


def same_pairs(correlation: pd.DataFrame) -> pd.DataFrame:
    """Return the pairs of families that hold features correlated beyond `SAME`, one a row.

    Columns: family, feature, other_family, other, spearman (of the two features, one of each
    family, that correlate most) and pairs (how many pairs of features correlate beyond `SAME`).
    """
    table = correlation.assign(
        family=correlation["feature"].str.partition(".")[0],
        other_family=correlation["other"].str.partition(".")[0],
        size=correlation["spearman"].abs(),
    )
    table = table[(table["family"] != table["other_family"]) & (table["size"] > SAME)]
    table = table.sort_values("size", ascending=False, kind="stable")
    # Whichever of the two families comes first.
    both = np.sort(table[["family", "other_family"]].to_numpy(dtype=str), axis=1)
    groups = table.groupby([both[:, 0], both[:, 1]], sort=False)
    pairs = groups.head(1).copy()
    pairs["pairs"] = groups["size"].transform("size")
    columns = ["family", "feature", "other_family", "other", "spearman", "pairs"]
    return pairs[columns].reset_index(drop=True)
