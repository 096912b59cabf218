"""Where the count misleads: memorized though rare, and not memorized though frequent."""

from __future__ import annotations

from typing import Any

import numpy as np

from memorization.study import Study

# Of each kind.
CASES = 12


def hard_cases(
    study: Study, column: str, probability: np.ndarray
) -> dict[str, list[dict[str, Any]]]:
    """Return the rarest that are memorized and the most frequent that are not.

    One of each cluster, since copies of one text would fill the list; of equal counts the first in
    training order.

    Parameters
    ----------
    column : the feature that holds the count.
    probability : of each row, out of fold, float [n].

    Returns
    -------
    dict
        ``memorized_though_rare`` and ``not_memorized_though_frequent``: at most `CASES` of each,
        as ``index``, ``count`` and ``probability``.
    """
    count = study.features[column].to_numpy()
    kinds = {
        "memorized_though_rare": (study.truth, count),
        "not_memorized_though_frequent": (~study.truth, -count),
    }
    found = {}
    for name, (kind, order) in kinds.items():
        rows = np.flatnonzero(kind)
        rows = rows[np.lexsort((study.index[rows], order[rows]))]
        _, first = np.unique(study.cluster[rows], return_index=True)
        found[name] = [
            {
                "index": int(study.index[row]),
                "count": int(count[row]),
                "probability": float(probability[row]),
            }
            for row in rows[np.sort(first)][:CASES]
        ]
    return found
