"""The registry as tables: every feature, features that differ in a part or a number as one, and the
families.
"""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Sequence

import pandas as pd

from memorization.features.family import Family
from memorization.features.registry import FAMILIES
from memorization.protocol import TIERS

# Words of a name, or of a hypothesis, by which features of one kind differ.
PARTS = ("prompt", "continuation", "sequence")
_PART = re.compile(rf"(?<![^\W_])({'|'.join(PARTS)})(?![^\W_])")
_NUMBER = re.compile(r"\d+")


def feature_table(families: Sequence[str] | None = None) -> pd.DataFrame:
    """Return every declared feature, one a row.

    Columns: family, feature, tier, direction, hypothesis, source, cost.

    Parameters
    ----------
    families : names from ``FAMILIES``; None: all.
    """
    rows = [
        {
            "family": name,
            "feature": feature.name,
            "tier": feature.tier,
            "direction": feature.direction,
            "hypothesis": feature.hypothesis,
            "source": feature.source,
            "cost": feature.cost,
        }
        for name in (FAMILIES if families is None else families)
        for feature in FAMILIES[name].features
    ]
    return pd.DataFrame(rows)


def grouped_table(families: Sequence[str] | None = None) -> pd.DataFrame:
    """Return `feature_table` with features of one kind in one row, in order of the first of each.

    Of one kind are features of a family that differ only in the part of the sequence that they are
    about, or in a number, and have the same hypothesis but for that. Column ``feature`` then lists
    the alternatives in braces, and ``count`` says how many features the row stands for.

    >>> table = grouped_table(["frequency"])
    >>> table.loc[0, "feature"], int(table.loc[0, "count"])
    ('{prompt,continuation,sequence}_mean', 3)
    """
    table = feature_table(families)
    key = table.drop(columns=["feature", "hypothesis"])
    key["feature"] = table["feature"].map(_kind)
    key["hypothesis"] = table["hypothesis"].map(_kind)
    rows = []
    for _, kind in table.groupby([key[name] for name in key], sort=False):
        first = kind.iloc[0].to_dict()
        if len(kind) > 1:
            first["feature"] = _braced(kind["feature"].tolist())
            if kind["hypothesis"].nunique() > 1:
                first["hypothesis"] = _NUMBER.sub("n", _PART.sub("part", first["hypothesis"]))
        rows.append(first | {"count": len(kind)})
    return pd.DataFrame(rows)


def family_table(families: Sequence[str] | None = None) -> pd.DataFrame:
    """Return the families, one a row.

    Columns: family, question (what its features say), tiers (comma-separated, lowest first), count
    (of declared features), cost (distinct ones, semicolon-separated).

    Parameters
    ----------
    families : names from ``FAMILIES``; None: all.
    """
    rows = []
    for name, features in feature_table(families).groupby("family", sort=False):
        tiers = set(features["tier"])
        rows.append(
            {
                "family": name,
                "question": question(FAMILIES[str(name)]),
                "tiers": ", ".join(tier for tier in TIERS if tier in tiers),
                "count": len(features),
                "cost": "; ".join(features["cost"].unique()),
            }
        )
    return pd.DataFrame(rows)


def question(family: Family) -> str:
    """Return what a family's features say: the first sentence of its module's docstring.

    >>> question(FAMILIES["compressibility"])
    "How compressible the sequence's text is: a description of it that needs no model."
    """
    text = " ".join((sys.modules[family.compute.__module__].__doc__ or "").split())
    return re.split(r"(?<=\.) ", text, maxsplit=1)[0]


def _kind(text: str) -> str:
    """Return a text with its parts and numbers masked.

    >>> _kind("prompt_5gram_mean"), _kind("Frequent tokens of the prompt.")
    ('<part>_<n>gram_mean', 'Frequent tokens of the <part>.')
    """
    return _NUMBER.sub("<n>", _PART.sub("<part>", text))


def _braced(names: list[str]) -> str:
    """Return names of one kind as one, with their alternatives in braces.

    >>> _braced(["prompt_2gram", "prompt_3gram", "sequence_2gram", "sequence_3gram"])
    '{prompt,sequence}_{2,3}gram'
    """
    pieces = [re.split(f"{_PART.pattern}|({_NUMBER.pattern})", name) for name in names]
    columns = [
        list(dict.fromkeys(piece for piece in column if piece is not None))
        for column in zip(*pieces, strict=True)
    ]
    if math.prod(max(1, len(column)) for column in columns) != len(names):
        return ", ".join(names)  # not every combination is there
    return "".join(
        column[0] if len(column) == 1 else f"{{{','.join(column)}}}" for column in columns if column
    )
