"""How well the rest of the training data predict the continuation, with no neural model.

Each continuation token is predicted from its 1, 2, 4, 8 and 16 predecessors by how often the
training data go on that way *elsewhere* (:mod:`memorization.counting.counting`): with the
own occurrence, any long context would predict its token with certainty. The lengths are mixed, so
that no probability is zero; :mod:`memorization.features.infinigram` takes the longest alone.
"""

from __future__ import annotations

import numpy as np

from memorization.counting.counting import CONTEXTS, SequenceCounts
from memorization.counting.ngram_index import mix
from memorization.features.family import Family, declare
from memorization.protocol import PROMPT


def ngram_features(counts: SequenceCounts) -> dict[str, np.ndarray]:
    """Return summaries of the predictions over the continuation, arrays [n].

    ``surprisal`` is the mean of −log p, nats a token, and ``max`` the largest; ``context`` the mean
    over tokens of the longest of the five contexts that occurs elsewhere with its token (0: none);
    ``repeated`` the share of tokens that occur elsewhere after the same 8 tokens.
    """
    n_types = np.count_nonzero(counts.tokens)
    p = (counts.elsewhere[1][:, PROMPT:] + 1.0) / max(counts.tokens.sum() + n_types, 1)
    longest = np.zeros(p.shape)
    for length in CONTEXTS:
        p = mix(counts.onward[length], counts.context[length], p)
        longest[counts.onward[length] > 0] = length
    surprisal = -np.log(p)
    return {
        "surprisal": surprisal.mean(axis=1),
        "max": surprisal.max(axis=1),
        "context": longest.mean(axis=1),
        "repeated": (counts.onward[8] > 0).mean(axis=1),
    }


FAMILY = Family(
    "ngram",
    declare("corpus", "the first pass over the corpus", [
        ("surprisal", "-",
         "What the rest of the data predict need not be learnt from this sequence.",
         "this work, after Liu et al. 2024"),
        ("max", "-", "Greedy decoding breaks at the token that the data predict worst."),
        ("context", "+",
         "Long stretches that occur elsewhere are near-duplicates, each an exposure.",
         "this work, after Liu et al. 2024"),
        ("repeated", "+",
         "The more of the continuation other sequences repeat, the more it is rehearsed.",
         "Lee et al. 2022 (near-duplicates)"),
    ]),
    lambda inputs: ngram_features(inputs.counts),
)  # fmt: skip
