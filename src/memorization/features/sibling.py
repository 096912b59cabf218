"""What smaller models of the suite have memorized of the sequence, at the end of their training.

Where the target is the smallest model there is no smaller one, and no column.
"""

from __future__ import annotations

import numpy as np

from memorization.features.family import Family, Inputs, declare


def _compute(inputs: Inputs) -> dict[str, np.ndarray]:
    # Here, because it brings torch, which a reader of feature names does not need.
    from memorization.extraction.score import score

    columns: dict[str, np.ndarray] = {}
    for name, memorized in inputs.memorized.items():
        columns[f"{name}_memorized"] = memorized
        # The reference's is surprisal.match_length.
        if name in inputs.siblings and inputs.siblings[name] is not inputs.reference:
            match_length, _ = score(inputs.siblings[name], inputs.tokens, inputs.batch)
            columns[f"{name}_match_length"] = match_length
    if not columns:
        return {}
    return columns | {"n_memorized": np.sum(list(inputs.memorized.values()), axis=0)}


_SMALLER = "evaluations of the smaller models"

FAMILY = Family(
    "sibling",
    (
        *declare("sibling", _SMALLER, [
            ("{model}_memorized", "+",
             "What a smaller model has memorized, a larger one mostly memorizes too.",
             "Biderman et al. 2023"),
        ]),
        *declare("sibling", "one forward pass of each smaller model", [
            ("{model}_match_length", "+",
             "A sequence that a smaller model nearly memorized is within a larger one's reach (of "
             "the reference, it is surprisal.match_length)."),
        ]),
        *declare("sibling", _SMALLER, [
            ("n_memorized", "+", "The more smaller models memorized it, the safer the prediction."),
        ]),
    ),
    _compute,
)  # fmt: skip
