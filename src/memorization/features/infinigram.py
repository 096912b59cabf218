"""Could one just copy it? The ∞-gram model's predictions of the continuation.

Each continuation token is predicted by what follows the longest context before it that occurs
elsewhere in the training data (Liu et al. 2024, "Infini-gram"; at most 32 tokens of context). A
sequence whose continuation comes out right token by token needs no memory of its own: the model
may have learnt the text from any of its other occurrences.
"""

from __future__ import annotations

import numpy as np

from memorization.counting.counting import LONGEST, SequenceCounts
from memorization.features.family import Family, declare
from memorization.protocol import CONTINUATION


def leading(right: np.ndarray) -> np.ndarray:
    """Return how many entries of each row are true before the first that is not, int64 [n].

    >>> leading(np.array([[True, True, False, True], [True, True, True, True]]))
    array([2, 4])
    """
    return np.where(right.all(axis=1), right.shape[1], (~right).argmax(axis=1))


def infinigram_features(counts: SequenceCounts) -> dict[str, np.ndarray]:
    """Return summaries of the predictions over the continuation, arrays [n].

    ``prompt_suffix`` is the longest end of the prompt that occurs elsewhere with a token after it,
    in tokens, and ``suffix`` the mean of such lengths over the 32 contexts (the prompt and 0 … 31
    true continuation tokens). ``first_copied`` is whether the continuation's first token is what
    follows that end of the prompt most often elsewhere. ``copy_rate`` is the share of the tokens
    that are what follows their context most often elsewhere, ``copy_length`` how many are up to the
    first that is not, and ``share`` the mean of their shares of what follows.
    """
    return {
        "prompt_suffix": counts.suffix[:, 0],
        "suffix": counts.suffix.mean(axis=1),
        "first_copied": counts.copied[:, 0],
        "copy_rate": counts.copied.mean(axis=1),
        "copy_length": leading(counts.copied),
        "share": counts.share.mean(axis=1),
    }


_AFTER = "this work, after Liu et al. 2024"

FAMILY = Family(
    "infinigram",
    (
        *declare("corpus", "the first pass over the corpus", [
            ("prompt_suffix", "+",
             f"A prompt whose last tokens (of at most {LONGEST}) recur elsewhere is in known "
             "territory.",
             "Liu et al. 2024"),
            ("suffix", "+",
             "Long contexts that recur all through the continuation mean that the text as a whole "
             "does.",
             "Liu et al. 2024"),
        ]),
        *declare("corpus", "the second pass over the corpus", [
            ("first_copied", "+",
             "The first token decides whether the model enters the text; copying gives it here.",
             _AFTER),
            ("copy_rate", "+",
             "What can be copied from other occurrences of the context need not be learnt here.",
             _AFTER),
            ("copy_length", "+",
             f"All {CONTINUATION} tokens must be right in a row: the leading ones that copying "
             "gets right are a prediction of memorization with no model at all.",
             _AFTER),
            ("share", "+",
             "The more the other occurrences of a context agree on the token, the surer it is.",
             _AFTER),
        ]),
    ),
    lambda inputs: infinigram_features(inputs.counts),
)  # fmt: skip
