"""Strata of a count: how often a sequence, or its continuation, occurs in the training data.

One set of strata and one set of names, for the whether and the when question alike.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from memorization.errors import UserError

# Occurrences of all 64 tokens, and of the last 32 alone, after whatever prompt.
DUPLICATES = "duplication.sequence_count"
CONTINUATIONS = "duplication.continuation_count"

# The baselines that know one count alone, and that count.
COUNTS = {"duplicate_count": DUPLICATES, "continuation_count": CONTINUATIONS}

# Name -> least count.
STRATA = {"1": 1, "2-4": 2, "5-19": 5, "20-49": 20, "50-99": 50, "100+": 100}


def stratum_of(count: np.ndarray) -> np.ndarray:
    """Return the stratum of each count, int [n], a position in `STRATA`.

    Raises
    ------
    UserError
        If a count is not known: it belongs to no stratum, least of all to the last.

    >>> stratum_of(np.array([1, 4, 5, 1000])).tolist()
    [0, 1, 2, 5]
    """
    unknown = np.isnan(count)
    if unknown.any():
        raise UserError(
            f"strata: {int(unknown.sum())} of {len(count)} sequences have no count "
            f"({CONTINUATIONS} or {DUPLICATES}); count them all, or leave the column out"
        )
    least = np.array(list(STRATA.values()))
    return np.clip(np.searchsorted(least, count, side="right") - 1, 0, len(least) - 1)


def finest_count(columns: Iterable[str]) -> str | None:
    """Return the count to form strata by: of the continuation, else of the sequence, else None.

    The continuation is what the model must produce, and it occurs wherever the sequence does.

    >>> finest_count([DUPLICATES, CONTINUATIONS]), finest_count(["surprisal.mean"])
    ('duplication.continuation_count', None)
    """
    columns = set(columns)
    return next((name for name in (CONTINUATIONS, DUPLICATES) if name in columns), None)
