"""Which knowledge tiers have something to say, for a given table of features."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def informative_tiers(columns: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
    """Return tier -> columns of the tiers that add a column to the tier below.

    A model fitted at any other tier would be the one of the tier below, on another seed: no result
    of its own, and its difference from the tier below would be the luck of the seed.

    Parameters
    ----------
    columns : dict, tier -> the columns that it may use, cumulative, from the lowest to the highest.

    >>> informative_tiers({"text": ["a.x"], "corpus": ["a.x"], "reference": ["a.x", "b.y"]})
    {'text': ('a.x',), 'reference': ('a.x', 'b.y')}
    """
    found = {}
    below = 0
    for tier, usable in columns.items():
        if len(usable) > below:
            found[tier] = tuple(usable)
        below = len(usable)
    return found
