"""What is computed of a sequence, and why it might matter."""

from __future__ import annotations

from memorization.features import feature_table
from memorization.report.results import Results
from memorization.report.tables.pipe import pipe_table


def write(results: Results) -> str:
    """Return the features of the families that were computed, with their hypotheses."""
    table = feature_table()
    table = table[table["family"].isin(results.params.features.families)]
    rows = []
    for family, features in table.groupby("family", sort=False):
        for place, row in enumerate(features.itertuples()):
            rows.append(
                [
                    str(family) if place == 0 else "",
                    f"`{row.feature}`",
                    str(row.tier),
                    str(row.direction).replace("-", "−").replace("+", "\\+"),
                    str(row.hypothesis),
                    str(row.source),
                ]
            )
    header = ["family", "feature", "tier", "sign", "hypothesis", "source"]
    return pipe_table(header, rows, "<15 <30 <10 <6 <42 <23")
