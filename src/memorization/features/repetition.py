"""How the sequence repeats itself: a pattern in the prompt can be continued without memory.

Everything is compared token by token, for thousands of sequences at once: the loops below run over
the places of a sequence, never over sequences. Sequences may have any length; one that ends within
the prompt has an empty continuation, of which every share, length and period is 0.
"""

from __future__ import annotations

import numpy as np
from rapidfuzz import process
from rapidfuzz.distance import LCSseq, Levenshtein

from memorization.features.family import Direction, Family, Feature, Inputs
from memorization.features.text import in_chunks
from memorization.protocol import PROMPT


def distinct_ratio(tokens: np.ndarray) -> np.ndarray:
    """Return the number of distinct tokens over the number of tokens, float64 [n].

    >>> distinct_ratio(np.array([[5, 5, 5, 5], [1, 2, 1, 3]]))
    array([0.25, 0.75])
    """
    if tokens.shape[1] == 0:
        return np.zeros(len(tokens))
    ordered = np.sort(tokens, axis=1)
    return (1 + np.count_nonzero(np.diff(ordered, axis=1), axis=1)) / tokens.shape[1]


def longest_run(tokens: np.ndarray) -> np.ndarray:
    """Return the length of the longest run of one token, int64 [n].

    >>> longest_run(np.array([[4, 4, 9, 9, 9], [1, 2, 3, 4, 5]]))
    array([3, 1])
    """
    longest = np.zeros(len(tokens), dtype=np.int64)
    run = np.zeros(len(tokens), dtype=np.int64)
    before: np.ndarray | None = None
    for column in _columns(tokens):
        run = run + 1 if before is None else np.where(column == before, run + 1, 1)
        np.maximum(longest, run, out=longest)
        before = column
    return longest


def smallest_period(tokens: np.ndarray) -> np.ndarray:
    """Return the smallest p such that every token equals the one p places before, int64 [n].

    It is the length of the sequence when nothing repeats.

    >>> smallest_period(np.array([[1, 2, 1, 2, 1], [1, 2, 3, 4, 1], [1, 2, 3, 4, 5]]))
    array([2, 4, 5])
    """
    n, length = tokens.shape
    columns = _columns(tokens)
    period = np.full(n, length)
    for p in range(length - 1, 0, -1):
        # Most sequences fail at the first token or the last, so few are compared in full.
        likely = (columns[p] == columns[0]) & (columns[-1] == columns[-1 - p])
        rows = np.flatnonzero(likely)
        period[rows[(columns[p:, rows] == columns[:-p, rows]).all(axis=0)]] = p
    return period


def periodicity(tokens: np.ndarray, first: int = PROMPT) -> np.ndarray:
    """Return how nearly the tokens from ``first`` on are periodic, float64 [n] in 0…1.

    The share of them that equal the token p places before, at the best p ≤ ``first``.

    >>> periodicity(np.array([[1, 2, 1, 2, 1, 3]]), first=2)
    array([0.75])
    """
    n, length = tokens.shape
    if length <= first:
        return np.zeros(n)
    columns = _columns(tokens)
    best = np.zeros(n, dtype=np.int64)
    for p in range(1, first + 1):
        matches = np.count_nonzero(columns[first:] == columns[first - p : length - p], axis=0)
        np.maximum(best, matches, out=best)
    return best / (length - first)


def overlap(prompt: np.ndarray, continuation: np.ndarray) -> np.ndarray:
    """Return the share of the continuation's symbols that the prompt holds, float64 [n].

    >>> overlap(np.array([[1, 2, 3]]), np.array([[3, 3, 4, 5]]))
    array([0.5])
    """
    found = np.zeros(len(prompt), dtype=np.int64)
    before = _columns(prompt)
    for symbol in _columns(continuation):
        found += (before == symbol).any(axis=0)
    return found / max(continuation.shape[1], 1)


def longest_copy(prompt: np.ndarray, continuation: np.ndarray) -> np.ndarray:
    """Return the length of the longest run of the continuation that the prompt holds, int64 [n].

    >>> longest_copy(np.array([[1, 2, 3, 4]]), np.array([[9, 2, 3, 9]]))
    array([2])
    """
    n, size = prompt.shape
    before = _columns(prompt)[::-1]
    # A common run keeps its distance, so each distance between two equal tokens has one counter:
    # common[d] is the length of the run that ends with continuation token i and, in the prompt,
    # size - 1 - (d - i).
    common = np.zeros((size + continuation.shape[1], n), dtype=_counter(size))
    longest = np.zeros(n, dtype=common.dtype)
    for i, token in enumerate(_columns(continuation)):
        ending = common[i : i + size]
        ending += 1
        ending *= before == token
        np.maximum(longest, ending.max(axis=0, initial=0), out=longest)
    return longest.astype(np.int64)


def previous_match(tokens: np.ndarray) -> np.ndarray:
    """Return, for each place, the length of the longest run from there on that began before too.

    The two runs may overlap. It is the "longest previous factor" that Lempel-Ziv parsing (Lempel &
    Ziv 1976) and the longest repeated substring are read from. int64 [n, length].

    >>> previous_match(np.array([[1, 2, 1, 2, 1, 3]]))
    array([[0, 0, 3, 2, 1, 0]])
    """
    n, length = tokens.shape
    columns = _columns(tokens)
    # common[d]: length of the common run that begins at i and at i - 1 - d; i goes down.
    common = np.zeros((length, n), dtype=_counter(length))
    match = np.zeros((length, n), dtype=common.dtype)
    for i in range(length - 1, 0, -1):
        beginning = common[:i]
        beginning += 1
        beginning *= columns[i - 1 :: -1] == columns[i]
        beginning.max(axis=0, out=match[i])
    return match.T.astype(np.int64)


def edit_distance(prompt: np.ndarray, continuation: np.ndarray) -> np.ndarray:
    """Return the Levenshtein distance over the length of the longer part, float64 [n] in 0…1.

    >>> edit_distance(np.array([[1, 2, 3, 4]]), np.array([[1, 3, 4, 5]]))
    array([0.5])
    """
    distance = process.cpdist(
        _strings(prompt), _strings(continuation), scorer=Levenshtein.distance, dtype=np.int64
    )
    return distance / max(prompt.shape[1], continuation.shape[1], 1)


def common_subsequence(prompt: np.ndarray, continuation: np.ndarray) -> np.ndarray:
    """Return the longest common subsequence's length over the continuation's, float64 [n] in 0…1.

    >>> common_subsequence(np.array([[1, 2, 3, 4]]), np.array([[1, 9, 3, 4]]))
    array([0.75])
    """
    common = process.cpdist(
        _strings(prompt), _strings(continuation), scorer=LCSseq.similarity, dtype=np.int64
    )
    return common / max(continuation.shape[1], 1)


def bigrams(tokens: np.ndarray) -> np.ndarray:
    """Return each pair of neighbours as one number, int64 [n, length - 1]."""
    tokens = tokens.astype(np.int64)
    return tokens[:, :-1] << 32 | tokens[:, 1:]


def _columns(tokens: np.ndarray) -> np.ndarray:
    """Return the tokens place by place, [length, n], in two bytes each where they fit."""
    is_small = tokens.max(initial=0) < 2**16
    return np.ascontiguousarray(tokens.T, dtype=np.uint16 if is_small else None)


def _counter(largest: int) -> type[np.unsignedinteger]:
    """Return the smallest type that counts so far: the narrower, the more in one instruction."""
    return np.uint8 if largest < 2**8 else np.uint16 if largest < 2**16 else np.uint32


def _strings(tokens: np.ndarray) -> list[str]:
    """Return each row as a string of one character a token, for libraries that compare strings."""
    n, length = tokens.shape
    if length == 0:
        return [""] * n
    # One up, because NumPy drops zeros at the end of a string.
    characters = np.ascontiguousarray(tokens, dtype=np.uint32) + 1
    return characters.view(f"U{length}")[:, 0].tolist()


def repetition_features(tokens: np.ndarray) -> dict[str, np.ndarray]:
    """Return every column of the family for sequences of any one length, arrays [n].

    Parameters
    ----------
    tokens : integers [n, length], below 2²⁰.
    """
    prompt, continuation = tokens[:, :PROMPT], tokens[:, PROMPT:]
    return {
        "prompt_distinct": distinct_ratio(prompt),
        "continuation_distinct": distinct_ratio(continuation),
        "sequence_distinct": distinct_ratio(tokens),
        "longest_run": longest_run(tokens),
        "prompt_period": smallest_period(prompt),
        "continuation_period": smallest_period(continuation),
        "sequence_period": smallest_period(tokens),
        "prompt_periodicity": periodicity(prompt, PROMPT // 2),
        "periodicity": periodicity(tokens),
        "overlap_tokens": overlap(prompt, continuation),
        "overlap_bigrams": overlap(bigrams(prompt), bigrams(continuation)),
        "longest_copy": longest_copy(prompt, continuation),
        "longest_repeat": previous_match(tokens).max(axis=1, initial=0),
        "edit_distance": edit_distance(prompt, continuation),
        "common_subsequence": common_subsequence(prompt, continuation),
    }


def _compute(inputs: Inputs) -> dict[str, np.ndarray]:
    return in_chunks(repetition_features, inputs.tokens)


def _feature(
    name: str, hypothesis: str, direction: Direction, source: str = "this work", cost: str = ""
) -> Feature:
    return Feature(name, "text", hypothesis, direction, source, cost or "arithmetic on tokens")


_TEMPLATES = "Prashanth et al. 2024 (templates)"
_COPIES = "Olsson et al. 2022 (induction heads)"

FAMILY = Family(
    "repetition",
    (
        _feature("prompt_distinct", "A varied prompt is a unique key to its continuation.", "?"),
        _feature("continuation_distinct", "Few distinct tokens are easy to produce.", "-"),
        _feature("sequence_distinct", "A text of few distinct tokens is boilerplate or data.", "-"),
        _feature("longest_run", "Runs of one token are continued by rote.", "+", _TEMPLATES),
        _feature("prompt_period", "A prompt that is a loop says how it goes on.", "-", _TEMPLATES),
        _feature("continuation_period", "A short period is a loop to continue.", "-", _TEMPLATES),
        _feature("sequence_period", "A period seen in the prompt is continued.", "-", _TEMPLATES),
        _feature("prompt_periodicity", "A nearly periodic prompt shows the loop.", "+", _TEMPLATES),
        _feature("periodicity", "Near-periodic text needs few new tokens.", "+", _TEMPLATES),
        _feature("overlap_tokens", "Tokens of the prompt can be copied from it.", "+"),
        _feature(
            "overlap_bigrams", "Pairs in the prompt can be copied by induction heads.", "+", _COPIES
        ),
        _feature("longest_copy", "A long run in the prompt can be copied as a whole.", "+"),
        _feature(
            "longest_repeat",
            "Once it has repeated itself at length, a text tends to do it again.",
            "+",
            "Lee et al. 2022 (repeated substrings)",
        ),
        _feature(
            "edit_distance",
            "A continuation that is the prompt with few edits leaves little to remember.",
            "-",
            cost="Levenshtein distance of 32 tokens (rapidfuzz)",
        ),
        _feature(
            "common_subsequence",
            "What the two share in order can be copied, with gaps to fill.",
            "+",
            cost="longest common subsequence of 32 tokens (rapidfuzz)",
        ),
    ),
    _compute,
)
