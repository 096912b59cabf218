"""Strata of duplicate count: how often a sequence occurs in the training data.

One set of strata and one set of names, for the whether and the when question alike.
"""

from __future__ import annotations

import numpy as np

DUPLICATES = "duplication.sequence_count"

# Name -> least count.
STRATA = {"1": 1, "2-4": 2, "5-19": 5, "20-99": 20, "100+": 100}

# Where duplicates were not counted, all are one stratum.
ALL = "all"


def duplicate_stratum(count: np.ndarray) -> np.ndarray:
    """Return the stratum of each duplicate count, int [n], a position in `STRATA`.

    >>> duplicate_stratum(np.array([1, 4, 5, 1000])).tolist()
    [0, 1, 2, 4]
    """
    least = np.array(list(STRATA.values()))
    return np.clip(np.searchsorted(least, count, side="right") - 1, 0, len(least) - 1)
