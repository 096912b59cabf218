"""How often the training data hold the sequence, its halves, and what is nearly the same.

Occurrences are found anywhere in a row, not only at its start, because the model is trained on
every position of it. Counts are one for the sequence itself and one for each occurrence elsewhere
(:mod:`memorization.counting.counting`); they are raw (log1p them where a model wants that).
"""

from __future__ import annotations

import numpy as np

from memorization.counting.copies import documents, occurrences
from memorization.counting.counting import SequenceCounts
from memorization.features.family import Family, Inputs, declare
from memorization.protocol import PROMPT, SEQUENCE


def duplicate_counts(counts: SequenceCounts) -> dict[str, np.ndarray]:
    """Return the counts of n sequences and their halves, arrays [n].

    ``continuation_share`` is, of the prompt's occurrences that 32 tokens follow in the same row,
    the share that this continuation follows. ``near_count`` and ``variant_count`` are of rows that
    hold four fifths, or half, of the sequence's 5-grams
    (:mod:`memorization.counting.copies`).
    """
    sequence = counts.elsewhere[SEQUENCE][:, 0] + 1
    half = counts.elsewhere[PROMPT]
    return {
        "sequence_count": sequence,
        "prompt_count": half[:, 0] + 1,
        "continuation_count": half[:, PROMPT] + 1,
        "continuation_share": sequence / (counts.prompt_followed + 1),
        "near_count": counts.near[0.8] + 1,
        "variant_count": counts.near[0.5] + 1,
    }


def document_counts(
    windows: np.ndarray, place: np.ndarray, tokens: np.ndarray, rows: np.ndarray
) -> np.ndarray:
    """Return in how many documents each sequence occurs, int64 [n].

    It is in the document that holds its first token. A sequence that begins no row (``rows`` -1)
    has a document of its own.

    Parameters
    ----------
    windows, place : as in `memorization.counting.ngram_index.documents`.
    tokens : integers [n, 64].
    rows : int64 [n].
    """
    found = occurrences(windows, tokens)
    document = documents(windows, place, found.row, found.offset)
    pairs = np.unique(np.stack([found.sequence, document]), axis=1)
    return np.bincount(pairs[0], minlength=len(tokens)) + (rows < 0)


def _compute(inputs: Inputs) -> dict[str, np.ndarray]:
    columns = duplicate_counts(inputs.counts)
    if inputs.corpus_place is not None:
        columns["document_count"] = document_counts(
            inputs.windows, inputs.corpus_place, inputs.tokens, inputs.rows
        )
    if inputs.duplicates is not None:
        columns["published_count"] = inputs.duplicates
    return columns


FAMILY = Family(
    "duplication",
    (
        *declare("corpus", "the first pass over the corpus", [
            ("sequence_count", "+", "Every exposure takes a gradient step towards the sequence.",
             "Lee et al. 2022; Carlini et al. 2023"),
            ("prompt_count", "?",
             "Exposures strengthen the context; other continuations of it compete."),
            ("continuation_count", "+",
             "A continuation that is frequent after any prompt is learnt as a unit."),
            ("continuation_share", "+",
             "A prompt that is always followed by the same text leaves nothing to choose."),
        ]),
        *declare("corpus", "the second pass over the corpus", [
            ("near_count", "+",
             "A copy with a few words changed rehearses nearly the same predictions.",
             "Lee et al. 2022 (near-duplicates)"),
            ("variant_count", "?",
             "Rows that share half of the text teach its template, but also other fillings of it.",
             "this work, after Lee et al. 2022"),
        ]),
        *declare("corpus", "one pass over the corpus", [
            ("document_count", "+",
             "Copies in many documents meet the model in many contexts, repeats in one document "
             "in one."),
        ], needs="corpus_place"),
        *declare("corpus", "a download", [
            ("published_count", "+",
             "The continuation's occurrences in all of the training data, not only in a sample.",
             "Prashanth et al. 2025"),
        ], needs="duplicates"),
    ),
    _compute,
)  # fmt: skip
