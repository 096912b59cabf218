"""What smaller models of the suite have memorized of the sequence, at the end of their training.

Where the target is the smallest model there is no smaller one, and no column.
"""

from __future__ import annotations

import numpy as np

from memorization.features.family import Family, Feature, Inputs
from memorization.protocol import CONTINUATION


def _compute(inputs: Inputs) -> dict[str, np.ndarray]:
    # Here, because it brings torch, which a reader of feature names does not need.
    from memorization.labels.extraction import score

    columns: dict[str, np.ndarray] = {}
    n_memorized = np.zeros(len(inputs.index))
    for name, model in inputs.siblings.items():
        match_length, _ = score(model, inputs.tokens, inputs.batch)
        memorized = match_length == CONTINUATION
        columns[f"{name}_memorized"] = memorized
        columns[f"{name}_match_length"] = match_length
        n_memorized += memorized
    return columns | {"n_memorized": n_memorized} if columns else {}


FAMILY = Family(
    "sibling",
    (
        Feature(
            "{model}_memorized",
            "sibling",
            "What a smaller model has memorized, a larger one mostly memorizes too.",
            "+",
            "Biderman et al. 2023",
        ),
        Feature(
            "{model}_match_length",
            "sibling",
            "A sequence that a smaller model nearly memorized is within a larger one's reach.",
            "+",
            "this work",
        ),
        Feature(
            "n_memorized",
            "sibling",
            "The more smaller models memorized it, the safer the prediction.",
            "+",
            "this work",
        ),
    ),
    _compute,
)
