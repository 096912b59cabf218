"""What the families of features say, and what they cost."""

from __future__ import annotations

from memorization.features import family_table
from memorization.report.names import family_name
from memorization.report.results import Results
from memorization.report.tables.pipe import pipe_table


def write(results: Results) -> str:
    """Return the families that were computed, one a row."""
    rows = [
        [
            family_name(str(row.family)),
            str(row.question),
            str(row.tiers),
            str(row.count),
            str(row.cost),
        ]
        for row in family_table(results.params.features.families).itertuples(name="Family")
    ]
    header = ["family", "what it says", "tiers", "features", "cost"]
    return pipe_table(header, rows, "<16 <44 <18 >9 <34")
