"""What the families of features say, and what they cost."""

from __future__ import annotations

import pandas as pd

from memorization.features import family_table, feature_of
from memorization.report.names import family_name
from memorization.report.numbers import MISSING, count
from memorization.report.results import Results
from memorization.report.tables.pipe import pipe_table


def write(results: Results) -> str:
    """Return the families that were asked for, one a row, with the number of computed features.

    A family of which nothing could be computed stays, with none.
    """
    columns = results.association.groupby("family")["feature"].agg(list).to_dict()
    rows = [
        [
            family_name(str(row.family)),
            str(row.question),
            str(row.tiers),
            count(len(columns.get(row.family, []))),
            costs(columns.get(row.family, [])),
        ]
        for row in family_table(results.params.features.families).itertuples(name="Family")
    ]
    header = ["family", "what it says", "tiers", "features", "cost"]
    return pipe_table(header, rows, "<16 <40 <12 >9 <42")


def costs(columns: list[str]) -> str:
    """Return what it takes to compute some features; where they differ, how many take what.

    >>> costs(["surface.cut", "surface.depth"])
    'counts of the bytes'
    >>> costs(["infinigram.prompt_suffix", "infinigram.suffix", "infinigram.share"])
    '2: the first pass over the corpus; 1: the second pass over the corpus'
    """
    found = pd.Series([feature_of(column).cost for column in columns], dtype=object)
    number = found.value_counts(sort=False)
    if len(number) < 2:
        return str(number.index[0]) if len(number) else MISSING
    return "; ".join(f"{n}: {cost}" for cost, n in number.items())
