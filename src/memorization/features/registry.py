"""The families of features, the table that they fill, and the tables that tell of them.

A new family is one new module that defines a ``FAMILY``, and its line in ``MODULES``.
"""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from importlib import import_module

import numpy as np
import pandas as pd

from memorization.errors import UserError
from memorization.features.family import PARTS, Family, Feature, Inputs
from memorization.protocol import TIERS
from memorization.tables import FEATURES

# In the order of the tables.
MODULES = (
    "duplication",
    "exposure",
    "frequency",
    "ngram_frequency",
    "ngram_model",
    "infinigram",
    "repetition",
    "template",
    "compressibility",
    "surface",
    "register",
    "layout",
    "surprisal",
    "domain",
    "position",
    "sibling",
)
_ALL: list[Family] = [import_module(f"memorization.features.{name}").FAMILY for name in MODULES]
FAMILIES = {family.name: family for family in _ALL}

# Words of a name, or of a hypothesis, and numbers, by which features of one kind differ.
_PART = re.compile(rf"(?<![^\W_])({'|'.join(PARTS)})(?![^\W_])")
_NUMBER = re.compile(r"\d+")
_COLUMNS = ["family", "feature", "tier", "direction", "hypothesis", "source", "cost"]


def compute_features(
    inputs: Inputs,
    families: Sequence[str],
    computed: Callable[[str], object] = lambda family: None,
) -> pd.DataFrame:
    """Return the table of features: ``index`` and one float64 column a feature, all finite.

    Columns come in the order of the families; ``computed`` is called with the name of each once it
    is done, to show progress. Raises a UserError if a family is unknown or named twice.
    """
    for place, name in enumerate(families):
        if name not in FAMILIES:
            known = ", ".join(FAMILIES)
            raise UserError(f"features.families: no family '{name}'; the families are: {known}")
        if name in families[:place]:
            raise UserError(f"features.families: '{name}' is listed twice; list it once")
    columns: dict[str, np.ndarray] = {"index": inputs.index.astype(np.int64)}
    for name in families:
        columns |= _family_columns(FAMILIES[name], inputs)
        computed(name)
    return FEATURES.validate(pd.DataFrame(columns))


def _family_columns(family: Family, inputs: Inputs) -> dict[str, np.ndarray]:
    """Return a family's columns, checked to hold what it declares; a breach is a defect of it."""
    columns = family.compute(inputs)
    declared = {
        feature.name
        for feature in family.features
        if not feature.is_template
        and (not feature.needs or getattr(inputs, feature.needs) is not None)
    }
    if columns and not declared <= columns.keys():
        raise ValueError(f"family {family.name} misses: {sorted(declared - columns.keys())}")
    for name, values in columns.items():
        if family.feature(name) is None:
            raise ValueError(f"family {family.name} computed '{name}' and does not declare it")
        if values.shape != inputs.index.shape or not np.isfinite(values).all():
            raise ValueError(f"{family.name}.{name}: expected {len(inputs.index)} finite numbers")
    return {
        f"{family.name}.{name}": np.asarray(values, dtype=np.float64)
        for name, values in columns.items()
    }


def feature_of(column: str) -> Feature:
    """Return the feature that a column of the table holds, or raise a ValueError: there is none.

    >>> feature_of("sibling.micro-140k_memorized").tier
    'sibling'
    """
    family, _, name = column.partition(".")
    feature = FAMILIES[family].feature(name) if family in FAMILIES else None
    if feature is None:
        raise ValueError(f"'{column}' is not a feature of any family")
    return feature


def features_of_tier(columns: Iterable[str], tier: str) -> list[str]:
    """Return the columns that a tier may use: its own and those of every lower tier, in order.

    ``index`` is left out, so the columns of the whole table can be passed. Raises a ValueError if
    the tier is not one of ``protocol.TIERS`` or a column is no declared feature.

    >>> columns = ["index", "frequency.prompt_min", "repetition.longest_run", "surprisal.mean"]
    >>> features_of_tier(columns, "corpus")
    ['frequency.prompt_min', 'repetition.longest_run']
    """
    allowed = TIERS[: TIERS.index(tier) + 1]
    names = [column for column in columns if column != "index"]
    return [column for column in names if feature_of(column).tier in allowed]


def feature_table(families: Sequence[str] | None = None) -> pd.DataFrame:
    """Return every declared feature of some families (None: all), one a row.

    Columns: family, feature, tier, direction, hypothesis, source, cost.
    """
    rows = [
        {"family": name, "feature": feature.name} | asdict(feature)
        for name in (FAMILIES if families is None else families)
        for feature in FAMILIES[name].features
    ]
    return pd.DataFrame(rows, columns=_COLUMNS)


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
    key = table.assign(
        feature=table["feature"].map(_kind), hypothesis=table["hypothesis"].map(_kind)
    )
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
    """Return some families (None: all), one a row.

    Columns: family, question (what its features say), tiers (comma-separated, lowest first), count
    (of declared features), cost (distinct ones, semicolon-separated).
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
