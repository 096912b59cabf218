"""The features: what is computed, why it might matter, and how each fares by itself."""

from __future__ import annotations

import itertools
import re

import pandas as pd

from memorization.features import family_table, feature_of, grouped_table
from memorization.report.results import Results
from memorization.report.tables.pipe import pipe_table
from memorization.report.wording import (
    MISSING,
    count,
    defined,
    estimate,
    family_name,
    feature_name,
    percent,
)

# Marks a feature of which this run has no column.
ABSENT = "†"

SIGNS = {"+": "\\+", "-": "−", "?": "?", "0": "0"}


def families(results: Results) -> str:
    """Return the families that were asked for, one a row, with the number of computed features.

    A family of which nothing could be computed stays, with none.
    """
    computed = results.association.groupby("family")["feature"].agg(list).to_dict()
    rows = []
    for family in family_table(results.params.features.families).to_dict("records"):
        own = computed.get(family["family"], [])
        said = [family_name(family["family"]), family["question"], family["tiers"]]
        rows.append([*said, count(len(own)), costs(own)])
    columns = {"family": "<16", "what it says": "<40", "tiers": "<12"}
    return pipe_table(columns | {"features": ">9", "cost": "<42"}, rows)


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


def features(results: Results) -> str:
    """Return the features of the families that were asked for, with their hypotheses.

    Features that differ only in the part of the sequence, or in a number, share a row. Those that
    were not computed, because the target's suite lacks what they need, are marked.
    """
    names = results.association["feature"]
    computed = {(name.partition(".")[0], feature_of(name).name) for name in names}
    rows = []
    for row in grouped_table(results.params.features.families).to_dict("records"):
        grouped = row["feature"]
        own = alternatives(grouped) if row["count"] > 1 else [grouped]
        absent = all((row["family"], feature) not in computed for feature in own)
        # With spaces, at which a line may break.
        spaced = re.sub(r",\s*", ", ", feature_name(grouped))
        direction = row["direction"].replace("-", "−").replace("+", "\\+")
        named = [family_name(row["family"]), f"{spaced} {ABSENT}" if absent else spaced]
        rows.append([*named, row["tier"], direction, row["hypothesis"], row["source"]])
    columns = {"family": "<16", "feature": "<26", "tier": "<10", "expected": "<9"}
    return pipe_table(columns | {"hypothesis": "<42", "source": "<23"}, rows, once=True)


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


def single_features(results: Results) -> str:
    """Return the AUROC of every feature with its interval, and its expected and observed sign.

    Where values are missing, another column says of how much of the population.
    """
    table = results.association
    missing = bool((table["missing"] > 0).any())
    rows = []
    for row in table.to_dict("records"):
        constant = row["agreement"] == "constant"
        found = defined({"value": row["auroc"], "low": row["low"], "high": row["high"]})
        cells = [family_name(row["family"]), feature_name(row["feature"]), row["tier"]]
        cells += [estimate(None if constant else found), SIGNS[row["expected"]]]
        cells.append("constant" if constant else SIGNS[row["observed"]])
        rows.append(cells + ([percent(row["missing"])] if missing else []))
    columns = {"family": "<17", "feature": "<28", "tier": "<11", "AUROC": ">22"}
    columns |= {"expected": "<10", "observed": "<10"} | ({"missing": ">9"} if missing else {})
    return pipe_table(columns, rows, once=True)


TABLES = {"families": families, "features": features, "single_features": single_features}
