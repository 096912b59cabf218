"""What the text looks like: its characters, lines, brackets and marks.

All of it is counted over bytes. A sequence may begin or end inside a character or a construct, so
nothing here assumes that brackets balance or that the bytes are valid UTF-8.
"""

from __future__ import annotations

import string

import numpy as np
from numba import njit

from memorization.features.family import PARTS, Family, declare
from memorization.features.text import Texts, of_texts

_CODES = np.arange(256)


def lookup(members: str) -> np.ndarray:
    """Return, for each byte value, whether it is among these ASCII characters, bool [256]."""
    return np.isin(_CODES, list(members.encode()))


LETTER = lookup(string.ascii_letters)
_BLANK = lookup(" \t")
_TAG = LETTER | lookup("/!?")
# What each share counts.
CLASSES = {
    "letters": LETTER,
    "upper": lookup(string.ascii_uppercase),
    "digits": lookup(string.digits),
    "punctuation": lookup(string.punctuation),
    "symbols": lookup("{}[]<>=_;\\|&*+#@$^~/`"),
    "space": lookup(string.whitespace),
    "non_ascii": _CODES >= 0x80,
}
_MEMBER = np.stack(list(CLASSES.values()), axis=1).astype(np.float64)
# +1 where a bracket opens, −1 where one closes.
_BRACKET = lookup("([{").astype(np.int64) - lookup(")]}")
_NEWLINE, _COLON, _SLASH, _LESS = b"\n:/<"
# Bytes of the UTF-8 character that a byte begins; 0 for one that begins none.
_WIDTH = np.select([_CODES < 0x80, _CODES < 0xC0, _CODES < 0xE0, _CODES < 0xF0], [1, 0, 2, 3], 4)


@njit(cache=True)
def byte_counts(data: np.ndarray, bounds: np.ndarray) -> np.ndarray:
    """Return how often each byte occurs in each text, int64 [n, 256].

    ``data`` is uint8, all texts in turn; ``bounds`` int64 [n + 1], where each begins, and the end.
    """
    counts = np.zeros((len(bounds) - 1, 256), dtype=np.int64)
    for i in range(len(counts)):
        for byte in data[bounds[i] : bounds[i + 1]]:
            counts[i, byte] += 1
    return counts


def byte_entropy(counts: np.ndarray) -> np.ndarray:
    """Return the Shannon entropy of bytes, bits a byte, float64 [n]; 0 where there are none.

    >>> byte_entropy(np.array([[3, 1, 0], [0, 4, 0], [0, 0, 0]])).round(3)
    array([0.811, 0.   , 0.   ])
    """
    size = counts.sum(axis=1)
    number = np.arange(1, size.max(initial=1) + 1)
    # n log₂ n of every n that occurs, so that no logarithm is taken twice.
    total = _looked_up(counts, np.append(0.0, number * np.log2(number)))
    return np.log2(np.maximum(size, 1)) - total / np.maximum(size, 1)


@njit(cache=True)
def _looked_up(counts: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return the sum of ``values`` at the counts of each row, float64 [n]."""
    total = np.zeros(len(counts))
    for i in range(len(counts)):
        for count in counts[i]:
            total[i] += values[count]
    return total


def class_shares(text: Texts) -> dict[str, np.ndarray]:
    """Return the share of each part's bytes in each class of characters, and their entropy, [n]."""
    halves = byte_counts(text.bytes, text.half_bounds)
    parts = (halves[0::2], halves[1::2], halves[0::2] + halves[1::2])
    columns: dict[str, np.ndarray] = {}
    for part, counts in zip(PARTS, parts, strict=True):
        # Sums of whole numbers are exact in any order.
        shares = counts @ _MEMBER / np.maximum(counts.sum(axis=1), 1)[:, None]
        columns |= {f"{part}_{name}": shares[:, i] for i, name in enumerate(CLASSES)}
        columns[f"{part}_entropy"] = byte_entropy(counts)
    return columns


@njit(cache=True)
def _cut(data: np.ndarray, begin: int, end: int) -> int:
    """Return the number of bytes at a text's ends that belong to cut UTF-8 characters."""
    first = begin
    while first < min(begin + 3, end) and _WIDTH[data[first]] == 0:
        first += 1
    for back in range(1, min(3, end - first) + 1):
        width = _WIDTH[data[end - back]]
        if width > 0:
            return first - begin + (back if width > back else 0)
    return first - begin


# What `structure` finds, in this order; of shares and means, first the bytes.
_FOUND = (
    "character_count", "cut", "line_count", "longest_line", "indentation", "word_count",
    "word_length", "depth", "unopened", "unclosed", "url_count", "tag_count",
)  # fmt: skip


@njit(cache=True)
def _structure(data: np.ndarray, bounds: np.ndarray) -> np.ndarray:
    """Return what ``_FOUND`` names, int64 [12, n]: all of it from one look at each byte."""
    found = np.zeros((len(_FOUND), len(bounds) - 1), dtype=np.int64)
    for i in range(len(bounds) - 1):
        begin, end = bounds[i], bounds[i + 1]
        characters = lines = longest = indented = words = letters = urls = tags = 0
        # Depth of brackets, from 0 at the text's beginning: no text tells how deep that is.
        depth = lowest = highest = 0
        line = 0
        # The first line is not indented: where it begins is not known.
        at_start = in_word = False
        for place in range(begin, end):
            byte = data[place]
            characters += _WIDTH[byte] > 0
            letter = LETTER[byte]
            letters += letter
            words += letter and not in_word
            in_word = letter
            depth += _BRACKET[byte]
            lowest, highest = min(lowest, depth), max(highest, depth)
            if byte == _NEWLINE:
                longest = max(longest, line)
                lines += 1
                line, at_start = 0, True
            else:
                line += 1
                at_start = at_start and _BLANK[byte]
                indented += at_start
            if byte == _COLON and place + 2 < end:
                urls += data[place + 1] == _SLASH and data[place + 2] == _SLASH
            elif byte == _LESS and place + 1 < end:
                tags += _TAG[data[place + 1]]
        found[:, i] = (
            characters, _cut(data, begin, end), lines, max(longest, line), indented, words, letters,
            highest - lowest, -lowest, depth - lowest, urls, tags,
        )  # fmt: skip
    return found


def structure(data: np.ndarray, bounds: np.ndarray) -> dict[str, np.ndarray]:
    """Return counts and shares that need the order of the bytes, arrays [n].

    Depth is that between the outermost and the innermost place; kinds of brackets are not told
    apart. Bytes are cut that belong to UTF-8 characters of which only a part is there.
    """
    found = dict(zip(_FOUND, _structure(data, bounds), strict=True))
    size = np.maximum(np.diff(bounds), 1)
    return found | {
        "cut": found["cut"] / size,
        "indentation": found["indentation"] / size,
        "word_length": found["word_length"] / np.maximum(found["word_count"], 1),
    }


def surface_features(text: Texts) -> dict[str, np.ndarray]:
    """Return every column of the family, arrays [n]; 0 throughout for an empty text."""
    return class_shares(text) | structure(text.bytes, text.bounds)


_CODE = "Biderman et al. 2023 (code is memorized more)"
_COST = "counts of the bytes"

FAMILY = Family(
    "surface",
    (
        *declare("text", _COST, [
            ("letters", "?", "Words follow grammar, which need not be stored."),
            ("upper", "+", "Constants and headings are set phrases."),
            ("digits", "-", "Digits are arbitrary: each must be stored."),
            ("punctuation", "+", "Punctuation is dense where syntax rules."),
            ("symbols", "+", "Symbols of code and markup mark generated text.", _CODE),
            ("space", "+", "Layout is regular, and cheap to predict."),
            ("non_ascii", "?", "Other scripts take more tokens a word, each less free."),
            ("entropy", "-", "Few kinds of characters are few choices.",
             "Prashanth et al. 2025 (Huffman length of characters)"),
        ], parts=PARTS),
        *declare("text", _COST, [
            ("character_count", "+", "Long tokens are frequent strings."),
            ("cut", "?", "A sequence cut inside a character holds bytes that words lack."),
            ("line_count", "+", "Text in short lines is a list, a table or code."),
            ("longest_line", "?", "Lines without breaks are prose, or generated."),
            ("indentation", "+", "Indented text is code or data.", _CODE),
            ("word_count", "-", "More words are more choices to get right."),
            ("word_length", "+", "Long names have few continuations."),
            ("depth", "+", "Nested structures close by rule."),
            ("unopened", "?", "A sequence that begins within brackets lacks their context."),
            ("unclosed", "?", "Open brackets say what must come."),
            ("url_count", "?", "Addresses are repeated to the letter, or unique."),
            ("tag_count", "+", "Markup is boilerplate around the text."),
        ]),
    ),
    lambda inputs: of_texts(surface_features, inputs.tokenizer, inputs.tokens),
)  # fmt: skip
