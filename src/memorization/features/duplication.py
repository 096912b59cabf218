"""How often the training data hold the sequence and its halves: exact counts, at any offset.

Occurrences are found anywhere in a training window, not only at its start, because the model is
trained on every position of it. Counts include the sequence itself, so they are at least 1 for a
training sequence; they are raw (log1p them where a model wants that).
"""

from __future__ import annotations

import numpy as np

from memorization.features.family import Family, Feature, Inputs
from memorization.features.ngrams import counts, distinct_rows, occurrences
from memorization.protocol import PROMPT, SEQUENCE


def duplicate_counts(windows: np.ndarray, tokens: np.ndarray) -> dict[str, np.ndarray]:
    """Return exact counts of the 64-token sequences and their halves, arrays [n].

    ``continuation_share`` is, of the prompt's occurrences that 32 tokens follow in the same row,
    the share that this continuation follows; 0 where the prompt does not occur.

    Parameters
    ----------
    windows : uint16 [N, T], T ≥ 64.
    tokens : integers [n, 64].
    """
    prompts, which = distinct_rows(tokens[:, :PROMPT])
    prompt_count = np.zeros(len(prompts), dtype=np.int64)
    followed_count = np.zeros(len(prompts), dtype=np.int64)
    last_offset = windows.shape[1] - SEQUENCE
    for found in occurrences(windows, prompts):
        followed = found.pattern[found.offset <= last_offset]
        prompt_count += np.bincount(found.pattern, minlength=len(prompts))
        followed_count += np.bincount(followed, minlength=len(prompts))
    sequence_count = counts(windows, tokens)
    return {
        "sequence_count": sequence_count,
        "prompt_count": prompt_count[which],
        "continuation_count": counts(windows, tokens[:, PROMPT:]),
        "continuation_share": sequence_count / np.maximum(followed_count[which], 1),
    }


def _compute(inputs: Inputs) -> dict[str, np.ndarray]:
    return duplicate_counts(inputs.windows, inputs.tokens)


FAMILY = Family(
    "duplication",
    (
        Feature(
            "sequence_count",
            "corpus",
            "Every exposure takes a gradient step towards the sequence.",
            "+",
            "Lee et al. 2022; Carlini et al. 2023",
        ),
        Feature(
            "prompt_count",
            "corpus",
            "Exposures strengthen the context; other continuations of it compete.",
            "?",
            "this work",
        ),
        Feature(
            "continuation_count",
            "corpus",
            "A continuation that is frequent after any prompt is learnt as a unit.",
            "+",
            "this work",
        ),
        Feature(
            "continuation_share",
            "corpus",
            "A prompt that is always followed by the same text leaves nothing to choose.",
            "+",
            "this work",
        ),
    ),
    _compute,
)
