"""How well the rest of the training data predict the continuation, with no neural model.

Each continuation token is predicted from its 1, 2, 4, 8 and 16 predecessors by how often the
training data go on that way *elsewhere*: the sequence's own occurrence is taken out of every count,
for with it any long context would predict its token with certainty. The idea is that of the ∞-gram
(Liu et al. 2024), which uses the longest context that occurs; here the lengths are mixed, so that
no probability is zero.
"""

from __future__ import annotations

import numpy as np

from memorization.features.family import Family, Feature, Inputs
from memorization.features.frequency import token_counts
from memorization.features.ngrams import counts
from memorization.protocol import PROMPT, SEQUENCE

CONTEXTS = (1, 2, 4, 8, 16)


def elsewhere(windows: np.ndarray, tokens: np.ndarray, length: int, end: int) -> np.ndarray:
    """Return how often each run of tokens occurs besides here, int64 [n, 32].

    Column i is about the run of ``length`` tokens that ends ``end`` places after the token before
    continuation token i: its context for ``end`` = 0, the context and the token for ``end`` = 1.
    """
    runs = np.lib.stride_tricks.sliding_window_view(tokens, length, axis=1)
    first = PROMPT - length + end
    patterns = runs[:, first : first + SEQUENCE - PROMPT].reshape(-1, length)
    return np.maximum(counts(windows, patterns) - 1, 0).reshape(len(tokens), -1)


def mix(token: np.ndarray, context: np.ndarray, shorter: np.ndarray) -> np.ndarray:
    """Return the probability of a token after a context, given that after a shorter one.

    The shorter context's prediction counts as one observation (a Dirichlet prior; MacKay & Peto
    1995): (token + shorter) / (context + 1).

    Parameters
    ----------
    token, context : how often the context occurs with and without the token after it.
    shorter : probability of the token after the shorter context.
    """
    return (token + shorter) / (context + 1)


def ngram_features(windows: np.ndarray, tokens: np.ndarray) -> dict[str, np.ndarray]:
    """Return summaries of the predictions over the continuation, arrays [n].

    ``surprisal`` is the mean of −log p, nats a token, and ``max`` the largest; ``context`` the mean
    over tokens of the longest of the five contexts that occurs elsewhere with its token (0: none);
    ``repeated`` the share of tokens that occur elsewhere after the same 8 tokens.

    Parameters
    ----------
    windows : uint16 [N, T], T ≥ 64.
    tokens : integers [n, 64].
    """
    total = token_counts(windows)
    n_types = np.count_nonzero(total)
    own = np.maximum(total[tokens[:, PROMPT:]] - 1, 0)
    p = (own + 1.0) / (total.sum() + n_types)
    longest = np.zeros(p.shape)
    repeated = np.zeros(p.shape, dtype=bool)
    for length in CONTEXTS:
        with_token = elsewhere(windows, tokens, length + 1, end=1)
        # Without the last column, every context that is counted has a token after it.
        context = elsewhere(windows[:, :-1], tokens, length, end=0)
        p = mix(with_token, context, p)
        longest[with_token > 0] = length
        if length == 8:
            repeated = with_token > 0
    surprisal = -np.log(p)
    return {
        "surprisal": surprisal.mean(axis=1),
        "max": surprisal.max(axis=1),
        "context": longest.mean(axis=1),
        "repeated": repeated.mean(axis=1),
    }


def _compute(inputs: Inputs) -> dict[str, np.ndarray]:
    return ngram_features(inputs.windows, inputs.tokens)


FAMILY = Family(
    "ngram",
    (
        Feature(
            "surprisal",
            "corpus",
            "What the rest of the data predict need not be learnt from this sequence.",
            "-",
            "this work, after Liu et al. 2024",
        ),
        Feature(
            "max",
            "corpus",
            "Greedy decoding breaks at the token that the data predict worst.",
            "-",
            "this work",
        ),
        Feature(
            "context",
            "corpus",
            "Long stretches that occur elsewhere are near-duplicates, each an exposure.",
            "+",
            "this work, after Liu et al. 2024",
        ),
        Feature(
            "repeated",
            "corpus",
            "The more of the continuation other sequences repeat, the more it is rehearsed.",
            "+",
            "Lee et al. 2022 (near-duplicates)",
        ),
    ),
    _compute,
)
