"""Where the sequence stands: in its document and in the training."""

from __future__ import annotations

import numpy as np

from memorization.features.family import Family, Feature, Inputs

END_OF_TEXT = 0


def first_end_of_text(tokens: np.ndarray) -> np.ndarray:
    """Return the offset of the first end-of-text token, the length where there is none, int64 [n].

    >>> first_end_of_text(np.array([[5, 0, 6, 0], [1, 2, 3, 4]]))
    array([1, 4])
    """
    is_end = tokens == END_OF_TEXT
    return np.where(is_end.any(axis=1), is_end.argmax(axis=1), tokens.shape[1])


def _compute(inputs: Inputs) -> dict[str, np.ndarray]:
    first = first_end_of_text(inputs.tokens)
    return {
        "end_of_text": first,
        "has_end_of_text": first < inputs.tokens.shape[1],
        "step": inputs.step,
    }


FAMILY = Family(
    "position",
    (
        Feature(
            "end_of_text",
            "text",
            "After an end of text a new document begins, which the prompt does not predict.",
            "?",
            "this work",
        ),
        Feature(
            "has_end_of_text",
            "text",
            "A sequence across two documents joins what is joined nowhere else.",
            "-",
            "this work",
        ),
        Feature(
            "step",
            "corpus",
            "What is seen late had less time to be forgotten; what is seen early, more to be built "
            "upon.",
            "?",
            "Biderman et al. 2023 (Pythia)",
        ),
    ),
    _compute,
)
