"""How the sequence repeats itself: a pattern in the prompt can be continued without memory.

Everything is compared token by token, in compiled loops. Sequences may have any length; one that
ends within the prompt has an empty continuation, of which every share, length and period is 0.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from rapidfuzz import process
from rapidfuzz.distance import LCSseq, Levenshtein

from memorization.features.family import Family, declare
from memorization.features.text import in_chunks
from memorization.protocol import PROMPT


def distinct(tokens: np.ndarray) -> np.ndarray:
    """Return the number of distinct tokens, int64 [n]."""
    # Sorted, each is new that differs from the one before; before the first is what no token is.
    return np.count_nonzero(np.diff(np.sort(tokens, axis=1), axis=1, prepend=-1), axis=1)


@njit(cache=True)
def longest_run(tokens: np.ndarray) -> np.ndarray:
    """Return the length of the longest run of one token, int64 [n]."""
    n, length = tokens.shape
    longest = np.zeros(n, dtype=np.int64)
    for i in range(n):
        run = 0
        for k in range(length):
            run = run + 1 if k > 0 and tokens[i, k] == tokens[i, k - 1] else 1
            longest[i] = max(longest[i], run)
    return longest


@njit(cache=True)
def period(symbols: np.ndarray) -> int:
    """Return the smallest p such that every symbol equals the one p places before.

    It is the number of symbols when nothing repeats.

    >>> [period(np.array(row)) for row in ([1, 2, 1, 2, 1], [1, 2, 3, 4, 1], [1, 2, 3, 4, 5])]
    [2, 4, 5]
    """
    # What begins a row and ends it too repeats with the rest as its period. The longest such part
    # of every beginning, each from the one before (Knuth, Morris & Pratt 1977).
    border = np.zeros(len(symbols) + 1, dtype=np.int64)
    for end in range(1, len(symbols)):
        size = border[end]
        while size > 0 and symbols[end] != symbols[size]:
            size = border[size]
        border[end + 1] = size + (symbols[end] == symbols[size])
    return len(symbols) - border[len(symbols)]


@njit(cache=True)
def smallest_period(tokens: np.ndarray) -> np.ndarray:
    """Return the `period` of each row, int64 [n]."""
    found = np.zeros(len(tokens), dtype=np.int64)
    for i in range(len(tokens)):
        found[i] = period(tokens[i])
    return found


@njit(cache=True)
def periodicity(tokens: np.ndarray, first: int = PROMPT) -> np.ndarray:
    """Return how nearly the tokens from ``first`` on are periodic, float64 [n] in 0…1.

    The share of them that equal the token p places before, at the best p ≤ ``first``.
    """
    n, length = tokens.shape
    best = np.zeros(n, dtype=np.int64)
    for i in range(n):
        for p in range(1, first + 1):
            equal = 0
            for k in range(first, length):
                equal += tokens[i, k] == tokens[i, k - p]
            best[i] = max(best[i], equal)
    return best / max(length - first, 1)


@njit(cache=True)
def _go_on(run: np.ndarray, row: np.ndarray, token: int) -> int:
    """Turn each next place's run into this place's, and return the longest.

    It is one longer where this place holds the token, else 0; ``run`` is one longer than ``row``.
    """
    longest = 0
    for k in range(len(row)):
        run[k] = (run[k + 1] + 1) * (row[k] == token)
        longest = max(longest, run[k])
    return longest


@njit(cache=True)
def copied_run(prompt: np.ndarray, continuation: np.ndarray) -> np.ndarray:
    """Return the longest run that ends with each token of the continuation and that the prompt has.

    Its length in tokens, none of them before the continuation, int64 [n, tokens of it].

    >>> copied_run(np.array([[1, 2, 3, 4]]), np.array([[9, 2, 3, 9, 1]]))
    array([[0, 1, 2, 0, 1]])
    """
    n, size = prompt.shape
    longest = np.zeros(continuation.shape, dtype=np.int64)
    for i in range(n):
        # Length of the common run that ends with each token of the prompt, from the last one on.
        run, backward = np.zeros(size + 1, dtype=np.int32), prompt[i, ::-1].copy()
        for k in range(continuation.shape[1]):
            longest[i, k] = _go_on(run, backward, continuation[i, k])
    return longest


@njit(cache=True)
def previous_match(tokens: np.ndarray) -> np.ndarray:
    """Return, for each place, the length of the longest run from there on that began before too.

    The two runs may overlap. It is the "longest previous factor" that Lempel-Ziv parsing (Lempel &
    Ziv 1976) and the longest repeated substring are read from. int64 [n, length].

    >>> previous_match(np.array([[1, 2, 1, 2, 1, 3]]))
    array([[0, 0, 3, 2, 1, 0]])
    """
    n, length = tokens.shape
    match = np.zeros((n, length), dtype=np.int64)
    for i in range(n):
        # Length of the common run from a place and from each place before it; the place goes down.
        run = np.zeros(length + 1, dtype=np.int32)
        for place in range(length - 1, 0, -1):
            match[i, place] = _go_on(run, tokens[i, :place], tokens[i, place])
    return match


def edit_distance(prompt: np.ndarray, continuation: np.ndarray) -> np.ndarray:
    """Return the Levenshtein distance over the length of the longer part, float64 [n] in 0…1."""
    strings = _strings(prompt), _strings(continuation)
    distance = process.cpdist(*strings, scorer=Levenshtein.distance, dtype=np.int64)
    return distance / max(prompt.shape[1], continuation.shape[1], 1)


def common_subsequence(prompt: np.ndarray, continuation: np.ndarray) -> np.ndarray:
    """Return the longest common subsequence over the continuation's length, float64 [n] in 0…1."""
    strings = _strings(prompt), _strings(continuation)
    common = process.cpdist(*strings, scorer=LCSseq.similarity, dtype=np.int64)
    return common / max(continuation.shape[1], 1)


def _strings(tokens: np.ndarray) -> list[str]:
    """Return each row as a string of one character a token, for libraries that compare strings."""
    n, length = tokens.shape
    if length == 0:
        return [""] * n
    # One up, because NumPy drops zeros at the end of a string.
    characters = np.ascontiguousarray(tokens, dtype=np.uint32) + 1
    return characters.view(f"U{length}")[:, 0].tolist()


def repetition_features(tokens: np.ndarray) -> dict[str, np.ndarray]:
    """Return every column of the family for integers [n, any length] below 2²⁰, arrays [n]."""
    tokens, prompt, continuation = (
        np.ascontiguousarray(part, dtype=np.int32)
        for part in (tokens, tokens[:, :PROMPT], tokens[:, PROMPT:])
    )
    copied = copied_run(prompt, continuation)
    size = max(continuation.shape[1], 1)
    return {
        "prompt_distinct": distinct(prompt) / max(prompt.shape[1], 1),
        "continuation_distinct": distinct(continuation) / size,
        "sequence_distinct": distinct(tokens) / max(tokens.shape[1], 1),
        "longest_run": longest_run(tokens),
        "prompt_period": smallest_period(prompt),
        "continuation_period": smallest_period(continuation),
        "sequence_period": smallest_period(tokens),
        "prompt_periodicity": periodicity(prompt, PROMPT // 2),
        "periodicity": periodicity(tokens),
        "overlap_tokens": (copied >= 1).sum(axis=1) / size,
        "overlap_bigrams": (copied[:, 1:] >= 2).sum(axis=1) / max(size - 1, 1),
        "longest_copy": copied.max(axis=1, initial=0),
        "longest_repeat": previous_match(tokens).max(axis=1, initial=0),
        "edit_distance": edit_distance(prompt, continuation),
        "common_subsequence": common_subsequence(prompt, continuation),
    }


_TEMPLATES = "Prashanth et al. 2025 (templates)"

FAMILY = Family(
    "repetition",
    (
        *declare("text", "arithmetic on tokens", [
            ("prompt_distinct", "?", "A varied prompt is a unique key to its continuation."),
            ("continuation_distinct", "-", "Few distinct tokens are easy to produce."),
            ("sequence_distinct", "-", "A text of few distinct tokens is boilerplate or data."),
            ("longest_run", "+", "Runs of one token are continued by rote.", _TEMPLATES),
            ("prompt_period", "-", "A prompt that is a loop says how it goes on.", _TEMPLATES),
            ("continuation_period", "-", "A short period is a loop to continue.", _TEMPLATES),
            ("sequence_period", "-", "A period seen in the prompt is continued.", _TEMPLATES),
            ("prompt_periodicity", "+", "A nearly periodic prompt shows the loop.", _TEMPLATES),
            ("periodicity", "+", "Near-periodic text needs few new tokens.", _TEMPLATES),
            ("overlap_tokens", "+", "Tokens of the prompt can be copied from it."),
            ("overlap_bigrams", "+", "Pairs in the prompt can be copied by induction heads.",
             "Olsson et al. 2022 (induction heads)"),
            ("longest_copy", "+", "A long run in the prompt can be copied as a whole."),
            ("longest_repeat", "+",
             "Once it has repeated itself at length, a text tends to do it again.",
             "Lee et al. 2022 (repeated substrings)"),
        ]),
        *declare("text", "Levenshtein distance of 32 tokens (rapidfuzz)", [
            ("edit_distance", "-",
             "A continuation that is the prompt with few edits leaves little to remember."),
        ]),
        *declare("text", "longest common subsequence of 32 tokens (rapidfuzz)", [
            ("common_subsequence", "+",
             "What the two share in order can be copied, with gaps to fill."),
        ]),
    ),
    lambda inputs: in_chunks(repetition_features, inputs.tokens),
)  # fmt: skip
