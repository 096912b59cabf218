"""Where the sequence stands: in its document, in its training window and in the training.

What the data tell of it differs: a column is there where they tell it of all sequences.
"""

from __future__ import annotations

import numpy as np

from memorization.features.family import Family, Inputs, declare
from memorization.protocol import END_OF_TEXT


def first_end_of_text(tokens: np.ndarray) -> np.ndarray:
    """Return the offset of the first end-of-text token, the length where there is none, int64 [n].

    >>> first_end_of_text(np.array([[5, 0, 6, 0], [1, 2, 3, 4]]))
    array([1, 4])
    """
    n, length = tokens.shape
    # One more column, so that there always is one, and a first one even of no tokens.
    is_end = np.ones((n, length + 1), dtype=bool)
    np.equal(tokens, END_OF_TEXT, out=is_end[:, :length])
    return is_end.argmax(axis=1)


def document_share(offset: np.ndarray, length: np.ndarray) -> np.ndarray:
    """Return the share of its document that precedes the sequence, float64 [n] in 0…1.

    >>> document_share(np.array([0, 30]), np.array([100, 40])).tolist()
    [0.0, 0.75]
    """
    return offset / np.maximum(length, 1)


def _compute(inputs: Inputs) -> dict[str, np.ndarray]:
    length = inputs.tokens.shape[1]
    columns = {"end_of_text": first_end_of_text(inputs.tokens)}
    if inputs.context is not None:
        columns["next_end_of_text"] = first_end_of_text(inputs.context[:, length:])
    if inputs.offset is not None and inputs.document_length is not None:
        columns["preceding_token_count"] = inputs.offset
        columns["document_token_count"] = inputs.document_length
        columns["document_share"] = document_share(inputs.offset, inputs.document_length)
    if inputs.epoch is not None:
        columns["epoch"] = inputs.epoch
    if inputs.step is not None:
        columns["step"] = inputs.step
    return columns


_LOOKUP = "a look at where the sequence comes from"
_PYTHIA = "Biderman et al. 2023 (Pythia)"

FAMILY = Family(
    "position",
    (
        *declare("text", "comparison of the tokens", [
            ("end_of_text", "+",
             "After an end of text a new document begins, which the prompt does not predict: such "
             "a sequence joins what is joined nowhere else."),
        ]),
        *declare("corpus", "the rest of the training window", [
            ("next_end_of_text", "-",
             "Short documents, which end soon, are more often copies and templates."),
        ], needs="context"),
        *declare("corpus", _LOOKUP, [
            ("preceding_token_count", "-",
             "Beginnings of documents are alike: headers, imports, licences."),
        ], needs="offset"),
        *declare("corpus", _LOOKUP, [
            ("document_token_count", "?", "Long documents are generated, or one of a kind."),
            ("document_share", "?", "Documents end as they begin, with what others have too."),
        ], needs="document_length"),
        *declare("corpus", "none", [
            ("epoch", "+",
             "In the second round of the data, all of the text is seen for the second time.",
             _PYTHIA),
        ], needs="epoch"),
        *declare("corpus", "none", [
            ("step", "?",
             "What is seen late had less time to be forgotten; what is seen early, more to be "
             "built upon.",
             _PYTHIA),
        ], needs="step"),
    ),
    _compute,
)  # fmt: skip
