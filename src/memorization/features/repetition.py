"""How the sequence repeats itself: a pattern in the prompt can be continued without memory."""

from __future__ import annotations

import numpy as np

from memorization.features.family import Direction, Family, Feature, Inputs
from memorization.protocol import PROMPT, SEQUENCE

# Sequences at a time where prompt and continuation are compared token by token: 8 MB a chunk.
CHUNK = 8192


def distinct_ratio(tokens: np.ndarray) -> np.ndarray:
    """Return the number of distinct tokens over the number of tokens, float64 [n].

    >>> distinct_ratio(np.array([[5, 5, 5, 5], [1, 2, 1, 3]]))
    array([0.25, 0.75])
    """
    ordered = np.sort(tokens, axis=1)
    return (1 + np.count_nonzero(np.diff(ordered, axis=1), axis=1)) / tokens.shape[1]


def longest_run(tokens: np.ndarray) -> np.ndarray:
    """Return the length of the longest run of one token, int64 [n].

    >>> longest_run(np.array([[4, 4, 9, 9, 9], [1, 2, 3, 4, 5]]))
    array([3, 1])
    """
    place = np.arange(tokens.shape[1])
    is_start = np.ones(tokens.shape, dtype=bool)
    is_start[:, 1:] = tokens[:, 1:] != tokens[:, :-1]
    start = np.maximum.accumulate(np.where(is_start, place, 0), axis=1)
    return (place - start).max(axis=1) + 1


def smallest_period(tokens: np.ndarray) -> np.ndarray:
    """Return the smallest p such that every token equals the one p places before, int64 [n].

    It is the length of the sequence when nothing repeats.

    >>> smallest_period(np.array([[1, 2, 1, 2, 1], [1, 2, 3, 4, 1], [1, 2, 3, 4, 5]]))
    array([2, 4, 5])
    """
    n, length = tokens.shape
    period = np.full(n, length)
    for p in range(length - 1, 0, -1):
        period[(tokens[:, p:] == tokens[:, :-p]).all(axis=1)] = p
    return period


def periodicity(tokens: np.ndarray) -> np.ndarray:
    """Return how nearly the continuation is periodic, float64 [n] in 0…1.

    The share of continuation tokens that equal the token p places before, at the best p ≤ 32.
    """
    continuation = tokens[:, PROMPT:]
    matches = [
        np.count_nonzero(continuation == tokens[:, PROMPT - p : SEQUENCE - p], axis=1)
        for p in range(1, PROMPT + 1)
    ]
    return np.max(matches, axis=0) / continuation.shape[1]


def overlap(prompt: np.ndarray, continuation: np.ndarray) -> np.ndarray:
    """Return the share of the continuation's symbols that the prompt holds, float64 [n].

    >>> overlap(np.array([[1, 2, 3]]), np.array([[3, 3, 4, 5]]))
    array([0.5])
    """
    found = [
        (continuation[rows, :, None] == prompt[rows, None, :]).any(axis=2).mean(axis=1)
        for rows in _chunks(len(prompt))
    ]
    return np.concatenate([np.zeros(0), *found])


def longest_copy(prompt: np.ndarray, continuation: np.ndarray) -> np.ndarray:
    """Return the length of the longest run of the continuation that the prompt holds, int64 [n].

    >>> longest_copy(np.array([[1, 2, 3, 4]]), np.array([[9, 2, 3, 9]]))
    array([2])
    """
    longest = np.zeros(len(prompt), dtype=np.int64)
    for rows in _chunks(len(prompt)):
        before = prompt[rows]
        # ending[:, j]: length of the common run that ends at prompt token j - 1.
        ending = np.zeros((len(before), before.shape[1] + 1), dtype=np.int64)
        for token in continuation[rows].T:
            ending[:, 1:] = (ending[:, :-1] + 1) * (before == token[:, None])
            np.maximum(longest[rows], ending.max(axis=1), out=longest[rows])
    return longest


def bigrams(tokens: np.ndarray) -> np.ndarray:
    """Return each pair of neighbours as one number, int64 [n, length - 1]."""
    tokens = tokens.astype(np.int64)
    return tokens[:, :-1] << 32 | tokens[:, 1:]


def _chunks(n: int) -> list[slice]:
    return [slice(start, start + CHUNK) for start in range(0, n, CHUNK)]


def _compute(inputs: Inputs) -> dict[str, np.ndarray]:
    tokens = inputs.tokens
    prompt, continuation = tokens[:, :PROMPT], tokens[:, PROMPT:]
    return {
        "prompt_distinct": distinct_ratio(prompt),
        "continuation_distinct": distinct_ratio(continuation),
        "sequence_distinct": distinct_ratio(tokens),
        "longest_run": longest_run(tokens),
        "continuation_period": smallest_period(continuation),
        "sequence_period": smallest_period(tokens),
        "periodicity": periodicity(tokens),
        "overlap_tokens": overlap(prompt, continuation),
        "overlap_bigrams": overlap(bigrams(prompt), bigrams(continuation)),
        "longest_copy": longest_copy(prompt, continuation),
    }


def _feature(
    name: str, hypothesis: str, direction: Direction, source: str = "this work"
) -> Feature:
    return Feature(name, "text", hypothesis, direction, source)


_TEMPLATES = "Prashanth et al. 2024 (templates)"

FAMILY = Family(
    "repetition",
    (
        _feature("prompt_distinct", "A varied prompt is a unique key to its continuation.", "?"),
        _feature("continuation_distinct", "Few distinct tokens are easy to produce.", "-"),
        _feature("sequence_distinct", "A text of few distinct tokens is boilerplate or data.", "-"),
        _feature("longest_run", "Runs of one token are continued by rote.", "+", _TEMPLATES),
        _feature("continuation_period", "A short period is a loop to continue.", "-", _TEMPLATES),
        _feature("sequence_period", "A period seen in the prompt is continued.", "-", _TEMPLATES),
        _feature("periodicity", "Near-periodic text needs few new tokens.", "+", _TEMPLATES),
        _feature("overlap_tokens", "Tokens of the prompt can be copied from it.", "+"),
        _feature("overlap_bigrams", "Pairs in the prompt can be copied by induction heads.", "+"),
        _feature("longest_copy", "A long run in the prompt can be copied as a whole.", "+"),
    ),
    _compute,
)
