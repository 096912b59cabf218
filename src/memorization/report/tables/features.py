"""What is computed of a sequence, and why it might matter."""

from __future__ import annotations

import itertools
import re

from memorization.features import feature_of, grouped_table
from memorization.report.names import family_name, feature_name
from memorization.report.results import Results
from memorization.report.tables.pipe import pipe_table

# Marks a feature of which this run has no column.
ABSENT = "†"


def write(results: Results) -> str:
    """Return the features of the families that were asked for, with their hypotheses.

    Features that differ only in the part of the sequence, or in a number, share a row. Those that
    were not computed, because the target's suite lacks what they need, are marked.
    """
    table = grouped_table(results.params.features.families)
    columns = results.association["feature"]
    computed = {(name.partition(".")[0], feature_of(name).name) for name in columns}
    rows = []
    for family, features in table.groupby("family", sort=False):
        for place, row in enumerate(features.to_dict("records")):
            grouped = str(row["feature"])
            own = alternatives(grouped) if row["count"] > 1 else [grouped]
            absent = all((family, feature) not in computed for feature in own)
            # With spaces, at which a line may break.
            spaced = re.sub(r",\s*", ", ", feature_name(grouped))
            rows.append(
                [
                    family_name(str(family)) if place == 0 else "",
                    f"{spaced} {ABSENT}" if absent else spaced,
                    row["tier"],
                    row["direction"].replace("-", "−").replace("+", "\\+"),
                    row["hypothesis"],
                    row["source"],
                ]
            )
    header = ["family", "feature", "tier", "expected", "hypothesis", "source"]
    return pipe_table(header, rows, "<16 <26 <10 <9 <42 <23")


def alternatives(grouped: str) -> list[str]:
    """Return the names that `memorization.features.grouped_table` put into one.

    >>> alternatives("{prompt,sequence}_{2,3}gram")
    ['prompt_2gram', 'prompt_3gram', 'sequence_2gram', 'sequence_3gram']
    >>> alternatives("cut, depth")
    ['cut', 'depth']
    """
    if "{" not in grouped:
        return grouped.split(", ")
    pieces = re.split(r"\{(.*?)\}", grouped)
    return ["".join(chosen) for chosen in itertools.product(*(p.split(",") for p in pieces))]
