"""What is computed of a sequence, and why it might matter."""

from __future__ import annotations

from memorization.features import grouped_table
from memorization.report.names import family_name
from memorization.report.results import Results
from memorization.report.tables.pipe import pipe_table


def write(results: Results) -> str:
    """Return the features of the families that were computed, with their hypotheses.

    Features that differ only in the part of the sequence, or in a number, share a row.
    """
    table = grouped_table(results.params.features.families)
    rows = []
    for family, features in table.groupby("family", sort=False):
        for place, row in enumerate(features.itertuples()):
            rows.append(
                [
                    family_name(str(family)) if place == 0 else "",
                    # With spaces, at which a line may break.
                    f"`{str(row.feature).replace(',', ', ')}`",
                    str(row.tier),
                    str(row.direction).replace("-", "−").replace("+", "\\+"),
                    str(row.hypothesis),
                    str(row.source),
                ]
            )
    header = ["family", "feature", "tier", "sign", "hypothesis", "source"]
    return pipe_table(header, rows, "<16 <30 <10 <6 <42 <23")
