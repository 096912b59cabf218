"""What the text looks like: its characters, lines, brackets and marks.

All of it is counted over bytes. A sequence may begin or end inside a character or a construct, so
nothing here assumes that brackets balance or that the bytes are valid UTF-8.
"""

from __future__ import annotations

import string

import numpy as np

from memorization.features.family import Direction, Family, Feature, Inputs
from memorization.features.text import Texts, in_chunks, texts, token_bytes

PARTS = ("prompt", "continuation", "sequence")

_CODES = np.arange(256)


def lookup(members: str) -> np.ndarray:
    """Return, for each byte value, whether it is among these ASCII characters, bool [256]."""
    return np.isin(_CODES, list(members.encode()))


LETTER = lookup(string.ascii_letters)
_BLANK = lookup(" \t")
_TAG = LETTER | lookup("/!?")
# What each share counts, as [class, byte value].
CLASSES = {
    "letters": LETTER,
    "upper": lookup(string.ascii_uppercase),
    "digits": lookup(string.digits),
    "punctuation": lookup(string.punctuation),
    "symbols": lookup("{}[]<>=_;\\|&*+#@$^~/`"),
    "space": lookup(string.whitespace),
    "non_ascii": _CODES >= 0x80,
}
# +1 where a bracket opens, −1 where one closes.
_BRACKET = lookup("([{").astype(np.int64) - lookup(")]}")
# Bytes within a UTF-8 character, not its first.
_INNER = (_CODES & 0xC0) == 0x80
# Bytes of the UTF-8 character that a byte begins; 0 for one that begins none.
_WIDTH = np.select([_CODES < 0x80, _CODES < 0xC0, _CODES < 0xE0, _CODES < 0xF0], [1, 0, 2, 3], 4)


def byte_counts(data: np.ndarray, bounds: np.ndarray) -> np.ndarray:
    """Return how often each text holds each byte, int64 [n, 256].

    >>> byte_counts(np.frombuffer(b"abb", np.uint8), np.array([0, 1, 3]))[:, [97, 98]].tolist()
    [[1, 0], [0, 2]]

    Parameters
    ----------
    data : uint8, all texts in turn.
    bounds : int64 [n + 1], where each begins, and the end.
    """
    n = len(bounds) - 1
    key = np.repeat(np.arange(n) * 256, np.diff(bounds)) + data
    return np.bincount(key, minlength=n * 256).reshape(n, 256)


def byte_entropy(counts: np.ndarray) -> np.ndarray:
    """Return the Shannon entropy of bytes, bits a byte, float64 [n]; 0 for an empty text.

    >>> byte_entropy(np.array([[2, 2, 0], [5, 0, 0], [0, 0, 0]])).tolist()
    [1.0, 0.0, 0.0]
    """
    n, kinds = counts.shape
    flat = counts.ravel()
    place = np.flatnonzero(flat)
    count = flat[place]
    text = place // kinds
    size = np.maximum(np.bincount(text, weights=count, minlength=n), 1)
    return np.log2(size) - np.bincount(text, weights=count * np.log2(count), minlength=n) / size


def class_shares(text: Texts) -> dict[str, np.ndarray]:
    """Return the share of each part's bytes in each class of characters, and their entropy, [n]."""
    counts = byte_counts(text.bytes, text.half_bounds)
    # Sums of whole numbers below 2²⁴ are exact in float32 too, in any order.
    members = np.stack(list(CLASSES.values()), axis=1).astype(np.float32)
    found = (counts.astype(np.float32) @ members).astype(np.float64)
    size = np.diff(text.half_bounds)
    entropy = byte_entropy(counts)
    parts = (
        (found[0::2], size[0::2], entropy[0::2]),
        (found[1::2], size[1::2], entropy[1::2]),
        (
            found[0::2] + found[1::2],
            size[0::2] + size[1::2],
            byte_entropy(counts[0::2] + counts[1::2]),
        ),
    )
    columns: dict[str, np.ndarray] = {}
    for part, (number, total, bits) in zip(PARTS, parts, strict=True):
        shares = number / np.maximum(total, 1)[:, None]
        columns |= {f"{part}_{name}": shares[:, i] for i, name in enumerate(CLASSES)}
        columns[f"{part}_entropy"] = bits
    return columns


def count_marks(mark: np.ndarray, bounds: np.ndarray) -> np.ndarray:
    """Return the number of marked bytes in each text, int64 [n].

    >>> count_marks(np.array([True, False, True]), np.array([0, 1, 1, 3]))
    array([1, 0, 1])
    """
    return np.diff(np.searchsorted(np.flatnonzero(mark), bounds))


def bracket_depth(
    data: np.ndarray, bounds: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return nesting depth, brackets closed but not opened, and opened but not closed, int64 [n].

    The depth is between the outermost and the innermost place of the text: a text cut out of nested
    code does not tell how deep it began. Kinds of brackets are not told apart.

    >>> [a.tolist() for a in bracket_depth(np.frombuffer(b"))((x)", np.uint8), np.array([0, 6]))]
    [[2], [2], [1]]
    """
    n = len(bounds) - 1
    lowest, highest, last = (np.zeros(n, dtype=np.int64) for _ in range(3))
    place = np.flatnonzero(_BRACKET[data])
    first = np.searchsorted(place, bounds)
    some = np.flatnonzero(np.diff(first))
    if len(some):
        running = np.cumsum(_BRACKET[data[place]])
        before = np.append(0, running)[first]
        starts = first[some]
        # The text's beginning, at depth 0, is a place too.
        lowest[some] = np.minimum(np.minimum.reduceat(running, starts) - before[some], 0)
        highest[some] = np.maximum(np.maximum.reduceat(running, starts) - before[some], 0)
        last = np.diff(before)
    return highest - lowest, -lowest, last - lowest


def cut_characters(data: np.ndarray, bounds: np.ndarray) -> np.ndarray:
    """Return the number of bytes at a text's ends that belong to cut UTF-8 characters, int64 [n].

    >>> data = np.frombuffer("語é".encode()[1:-1], np.uint8)
    >>> cut_characters(data, np.array([0, len(data)]))
    array([3])
    """
    begin, end = bounds[:-1], bounds[1:]
    padded = np.append(data, np.zeros(3, dtype=np.uint8))
    cut = np.zeros(len(begin), dtype=np.int64)
    inside = np.ones(len(begin), dtype=bool)
    for k in range(3):
        inside &= (begin + k < end) & (_WIDTH[padded[begin + k]] == 0)
        cut += inside
    open_ = begin + cut < end
    for k in range(1, 4):
        place = np.maximum(end - k, 0)
        open_ &= begin + cut <= end - k
        width = np.where(open_, _WIDTH[padded[place]], 1)
        cut += np.where(width > k, k, 0)
        open_ &= width == 0
    return cut


def indentation(data: np.ndarray, bounds: np.ndarray) -> np.ndarray:
    """Return, for each byte, whether it is a blank that begins a line, bool [bytes].

    The first line of a text does not count: its beginning is not known.
    """
    blank = _BLANK[data]
    place = np.arange(len(data), dtype=np.int32)
    starts = bounds[:-1][np.diff(bounds) > 0]
    stop = ~blank
    stop[starts] = True
    last = np.maximum.accumulate(np.where(stop, place, 0))
    return blank & (data[last] == ord("\n"))


def longest_line(data: np.ndarray, bounds: np.ndarray) -> np.ndarray:
    """Return the length of the longest line, or part of one, in bytes, int64 [n].

    >>> longest_line(np.frombuffer(b"ab\\nabc", np.uint8), np.array([0, 6]))
    array([3])
    """
    longest = np.zeros(len(bounds) - 1, dtype=np.int64)
    newline = np.flatnonzero(data == ord("\n"))
    some = np.flatnonzero(np.diff(bounds))
    begin = np.sort(np.concatenate([bounds[some], newline + 1]))
    size = np.diff(np.append(begin, len(data)))
    # A line that ends in a newline does not count it; only a text's last one may have none.
    size = size - (data[begin + size - 1] == ord("\n")) * (size > 0)
    if len(some):
        first = np.searchsorted(begin, bounds[some])
        longest[some] = np.maximum.reduceat(size, first)
    return longest


def structure(data: np.ndarray, bounds: np.ndarray) -> dict[str, np.ndarray]:
    """Return counts and shares that need the order of the bytes, arrays [n]."""
    size = np.diff(bounds)
    filled = np.maximum(size, 1)
    padded = np.append(data, np.zeros(2, dtype=np.uint8))
    ahead, beyond = padded[1 : len(data) + 1], padded[2:]
    # Marks of several bytes must not begin in one text and end in the next.
    is_last = np.zeros(len(data), dtype=bool)
    is_last[bounds[1:][size > 0] - 1] = True
    near_end = is_last | np.append(is_last[1:], False)
    url = (data == ord(":")) & (ahead == ord("/")) & (beyond == ord("/")) & ~near_end
    tag = (data == ord("<")) & _TAG[ahead] & ~is_last
    letter = LETTER[data]
    words = count_marks(letter & (~np.append(letter[1:], False) | is_last), bounds)
    depth, unopened, unclosed = bracket_depth(data, bounds)
    return {
        "character_count": size - count_marks(_INNER[data], bounds),
        "cut": cut_characters(data, bounds) / filled,
        "line_count": count_marks(data == ord("\n"), bounds),
        "longest_line": longest_line(data, bounds),
        "indentation": count_marks(indentation(data, bounds), bounds) / filled,
        "word_count": words,
        "word_length": count_marks(letter, bounds) / np.maximum(words, 1),
        "depth": depth,
        "unopened": unopened,
        "unclosed": unclosed,
        "url_count": count_marks(url, bounds),
        "tag_count": count_marks(tag, bounds),
    }


def surface_features(text: Texts) -> dict[str, np.ndarray]:
    """Return every column of the family, arrays [n]; 0 throughout for an empty text."""
    return class_shares(text) | structure(text.bytes, text.bounds)


def _compute(inputs: Inputs) -> dict[str, np.ndarray]:
    table = token_bytes(inputs.tokenizer)
    return in_chunks(lambda tokens: surface_features(texts(table, tokens)), inputs.tokens)


def _feature(
    name: str, hypothesis: str, direction: Direction, source: str = "this work"
) -> Feature:
    return Feature(name, "text", hypothesis, direction, source, "counts of the bytes")


def _of_parts(
    name: str, hypothesis: str, direction: Direction, source: str = "this work"
) -> list[Feature]:
    return [_feature(f"{part}_{name}", hypothesis, direction, source) for part in PARTS]


_CODE = "Biderman et al. 2023 (code is memorized more)"
_HUFFMAN = "Prashanth et al. 2024 (Huffman length of characters)"

FAMILY = Family(
    "surface",
    (
        *_of_parts("letters", "Words follow grammar, which need not be stored.", "?"),
        *_of_parts("upper", "Constants and headings are set phrases.", "+"),
        *_of_parts("digits", "Digits are arbitrary: each must be stored.", "-"),
        *_of_parts("punctuation", "Punctuation is dense where syntax rules.", "+"),
        *_of_parts("symbols", "Symbols of code and markup mark generated text.", "+", _CODE),
        *_of_parts("space", "Layout is regular, and cheap to predict.", "+"),
        *_of_parts("non_ascii", "Other scripts take more tokens a word, each less free.", "?"),
        *_of_parts("entropy", "Few kinds of characters are few choices.", "-", _HUFFMAN),
        _feature("character_count", "Long tokens are frequent strings.", "+"),
        _feature("cut", "A sequence cut inside a character holds bytes that words lack.", "?"),
        _feature("line_count", "Text in short lines is a list, a table or code.", "+"),
        _feature("longest_line", "Lines without breaks are prose, or generated.", "?"),
        _feature("indentation", "Indented text is code or data.", "+", _CODE),
        _feature("word_count", "More words are more choices to get right.", "-"),
        _feature("word_length", "Long names have few continuations.", "+"),
        _feature("depth", "Nested structures close by rule.", "+"),
        _feature("unopened", "A sequence that begins within brackets lacks their context.", "?"),
        _feature("unclosed", "Open brackets say what must come.", "?"),
        _feature("url_count", "Addresses are repeated to the letter, or unique.", "?"),
        _feature("tag_count", "Markup is boilerplate around the text.", "+"),
    ),
    _compute,
)
