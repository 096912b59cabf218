"""Whether lines and names follow a pattern: lines that begin alike, paths, dotted names.

Generated text, lists and tables repeat the form of a line and change a part of it. Nothing of the
sequence need recur token by token for its form to be known. All of it is counted over bytes.
"""

from __future__ import annotations

import string

import numpy as np
from numba import njit

from memorization.features.compressibility import zlib_sizes
from memorization.features.family import Family, declare
from memorization.features.surface import LETTER, lookup
from memorization.features.text import Texts, of_texts

_LOWER, _UPPER = lookup(string.ascii_lowercase), lookup(string.ascii_uppercase)
_DIGIT, _SPACE = lookup(string.digits), lookup(string.whitespace)
_PART = LETTER | _DIGIT | lookup("_.-") | (np.arange(256) >= 0x80)
_NEWLINE, _SLASH, _DOT = b"\n/."
# What stands for a run of letters or digits where only the form of a text is looked at.
_SHAPE = np.arange(256, dtype=np.uint8)
_SHAPE[_LOWER], _SHAPE[_UPPER], _SHAPE[_DIGIT] = ord("a"), ord("A"), ord("0")
_RUNS = LETTER | _DIGIT

# What `_layout` finds, in this order.
_FOUND = (
    "line_prefix", "line_suffix", "longest_word", "path_parts", "dotted_names", "capitalized",
    "words",
)  # fmt: skip


@njit(cache=True)
def _common(data: np.ndarray, first: int, second: int, size: int, step: int) -> int:
    """Return how many of up to ``size`` bytes from two places on, in steps, are equal."""
    equal = 0
    while equal < size and data[first + step * equal] == data[second + step * equal]:
        equal += 1
    return equal


@njit(cache=True)
def _layout(data: np.ndarray, bounds: np.ndarray) -> np.ndarray:
    """Return what ``_FOUND`` names of each text, int64 [7, n]."""
    found = np.zeros((len(_FOUND), len(bounds) - 1), dtype=np.int64)
    for i in range(len(bounds) - 1):
        begin, end = bounds[i], bounds[i + 1]
        prefix = suffix = word = longest = parts = dotted = capitalized = words = 0
        # Where the line and the one before it begin; the first has none before it.
        line, previous = begin, -1
        # Where the part of a path begins that the last slash opened; -1 where there is none.
        part = -1
        # One place past the end, which ends the last line.
        for place in range(begin, end + 1):
            if place == end or data[place] == _NEWLINE:
                if previous >= 0:
                    # The newline between the two is part of neither.
                    size = min(line - 1 - previous, place - line)
                    prefix += _common(data, previous, line, size, 1)
                    suffix += _common(data, line - 2, place - 1, size, -1)
                previous, line = line, place + 1
            if place == end:
                break
            byte = data[place]
            before = data[place - 1] if place > begin else _NEWLINE
            after = data[place + 1] if place + 1 < end else _NEWLINE
            word = 0 if _SPACE[byte] else word + 1
            longest = max(longest, word)
            dotted += byte == _DOT and _LOWER[before] and _LOWER[after]
            if LETTER[byte] and not LETTER[before]:
                words += 1
                capitalized += _UPPER[byte]
            if byte == _SLASH:
                parts += part >= 0 and place > part
                part = place + 1
            elif not _PART[byte]:
                part = -1
        found[:, i] = (
            prefix, suffix, longest, parts, dotted, capitalized, words,
        )  # fmt: skip
    return found


def shapes(data: np.ndarray, bounds: np.ndarray) -> tuple[bytes, np.ndarray]:
    """Return the form of texts: each run of lower case, upper case or digits as one ``a A 0``.

    The bytes of all of them, and where each begins, and the last one ends, int64 [n + 1].

    >>> text = np.frombuffer(b"img_017.png", np.uint8)
    >>> shapes(text, np.array([0, 11]))[0]
    b'a_0.a'
    """
    shape = _SHAPE[data]
    kept = np.ones(len(data), dtype=bool)
    kept[1:] = (shape[1:] != shape[:-1]) | ~_RUNS[shape[1:]]
    kept[bounds[:-1][bounds[:-1] < len(data)]] = True
    return shape[kept].tobytes(), np.append(0, np.cumsum(kept))[bounds]


def layout_features(text: Texts) -> dict[str, np.ndarray]:
    """Return every column of the family, arrays [n]; an empty text's are 0, but for `shape_size`.

    Shares are of the text's bytes, that of capitalized words of its words; sizes are in bytes.
    """
    found = dict(zip(_FOUND, _layout(text.bytes, text.bounds), strict=True))
    words = np.maximum(found.pop("words"), 1)
    size = np.maximum(np.diff(text.bounds), 1)
    data, bounds = shapes(text.bytes, text.bounds)
    return {
        "line_prefix": found["line_prefix"] / size,
        "line_suffix": found["line_suffix"] / size,
        "longest_word": found["longest_word"],
        "path_parts": found["path_parts"] / size,
        "dotted_names": found["dotted_names"] / size,
        "capitalized": found["capitalized"] / words,
        "shape_size": zlib_sizes(data, bounds[:-1], bounds[1:]),
    }


FAMILY = Family(
    "layout",
    (
        *declare("text", "one look at each byte", [
            ("line_prefix", "+", "Lines that begin as the one before are a list to be continued.",
             "Prashanth et al. 2025 (templates)"),
            ("line_suffix", "+", "Lines that end as the one before are a list to be continued.",
             "Prashanth et al. 2025 (templates)"),
            ("longest_word", "+", "Long runs without a blank are paths, keys and generated names."),
            ("path_parts", "+", "Paths share their beginnings, and are listed together."),
            ("dotted_names", "+", "Qualified names recur in every file that uses them."),
            ("capitalized", "?", "Titles, names and menus are set phrases; names are arbitrary."),
        ]),
        *declare("text", "a call of zlib a sequence", [
            ("shape_size", "-", "A text whose form repeats leaves only its words to be stored."),
        ]),
    ),
    lambda inputs: of_texts(layout_features, inputs.tokenizer, inputs.tokens),
)  # fmt: skip
