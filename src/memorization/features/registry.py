"""The families of features, and the table that they fill.

A new family is one new module that defines a ``FAMILY``; import it here and list it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
import pandas as pd

from memorization.errors import UserError
from memorization.features import (
    compressibility,
    domain,
    duplication,
    exposure,
    frequency,
    infinigram,
    ngram_frequency,
    ngram_model,
    position,
    repetition,
    sibling,
    surface,
    surprisal,
    template,
)
from memorization.features.family import Family, Feature, Inputs
from memorization.protocol import TIERS
from memorization.tables import FEATURES

FAMILIES: dict[str, Family] = {
    module.FAMILY.name: module.FAMILY
    for module in (
        duplication,
        exposure,
        frequency,
        ngram_frequency,
        ngram_model,
        infinigram,
        repetition,
        template,
        compressibility,
        surface,
        surprisal,
        domain,
        position,
        sibling,
    )
}


def compute_features(
    inputs: Inputs,
    families: Sequence[str],
    computed: Callable[[str], object] = lambda family: None,
) -> pd.DataFrame:
    """Return the table of features: ``index`` and one float64 column a feature, all finite.

    Parameters
    ----------
    families : names from ``FAMILIES``; columns come in this order.
    computed : called with the name of each family once it is done, to show progress.

    Raises
    ------
    UserError
        If a family is unknown or named twice.
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
    """Return the feature that a column of the table holds.

    >>> feature_of("sibling.micro-140k_memorized").tier
    'sibling'

    Raises
    ------
    ValueError
        If no family declares it.
    """
    family, _, name = column.partition(".")
    feature = FAMILIES[family].feature(name) if family in FAMILIES else None
    if feature is None:
        raise ValueError(f"'{column}' is not a feature of any family")
    return feature


def features_of_tier(columns: Iterable[str], tier: str) -> list[str]:
    """Return the columns that a tier may use: its own and those of every lower tier, in order.

    ``index`` is left out, so the columns of the whole table can be passed.

    >>> columns = ["index", "frequency.prompt_min", "repetition.longest_run", "surprisal.mean"]
    >>> features_of_tier(columns, "text")
    ['repetition.longest_run']
    >>> features_of_tier(columns, "corpus")
    ['frequency.prompt_min', 'repetition.longest_run']

    Raises
    ------
    ValueError
        If the tier is not one of ``protocol.TIERS`` or a column is no declared feature.
    """
    allowed = TIERS[: TIERS.index(tier) + 1]
    names = [column for column in columns if column != "index"]
    return [column for column in names if feature_of(column).tier in allowed]
