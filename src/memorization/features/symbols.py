"""Numbers, single letters and strings in the bytes of many texts at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from memorization.features.text import Texts, ragged

# Longest decimal number that int64 surely holds, in digits, and hexadecimal.
DIGITS, HEX_DIGITS = 18, 15
# An odd multiplier for hashes modulo 2⁶⁴.
MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True)
class Numbers:
    """What counts in n texts, in the order in which it stands, text after text.

    Attributes
    ----------
    row : int64 [m], the text that holds each number.
    begin, end : int64 [m], its first byte in ``Texts.data`` and the one after its last.
    value : int64 [m].
    """

    row: np.ndarray
    begin: np.ndarray
    end: np.ndarray
    value: np.ndarray


@dataclass(frozen=True)
class Symbols:
    """The numbers and strings that n texts consist of, in order, text after text.

    Attributes
    ----------
    value : int64 [m], of a number; 0 for a string.
    key : uint64 [m], the hash of a string, never 0; 0 for a number.
    bounds : int64 [n + 1], where each text's symbols begin, and the end.
    """

    value: np.ndarray
    key: np.ndarray
    bounds: np.ndarray


def _lookup(members: bytes) -> np.ndarray:
    table = np.zeros(256, dtype=bool)
    table[list(members)] = True
    return table


_DIGIT = _lookup(b"0123456789")
_HEX = _lookup(b"0123456789abcdefABCDEF")
_LETTER = _lookup(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
_WORD = _DIGIT | _LETTER | (np.arange(256) >= 0x80) | _lookup(b"_")
_BLANK = _lookup(b" \t\n\r\v\f")
_QUOTE = _lookup(b"'\"\\")
# Value of a digit, decimal or hexadecimal.
_DIGIT_VALUE = np.zeros(256, dtype=np.int64)
_DIGIT_VALUE[list(b"0123456789")] = np.arange(10)
_DIGIT_VALUE[list(b"abcdef")] = _DIGIT_VALUE[list(b"ABCDEF")] = np.arange(10, 16)


def _values(data: np.ndarray, begin: np.ndarray, end: np.ndarray, base: int) -> np.ndarray:
    """Return the number that each run of digits writes, int64."""
    if len(begin) == 0:
        return np.zeros(0, dtype=np.int64)
    size = end - begin
    place = ragged(begin, size)
    weight = np.power(base, np.repeat(end, size) - 1 - place)
    return np.add.reduceat(_DIGIT_VALUE[data[place]] * weight, np.cumsum(size) - size)


def _hexadecimal(data: np.ndarray, bounds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return begin (of its ``0x``) and end of each hexadecimal number."""
    mark = np.flatnonzero((data[1:] | 0x20 == ord("x")) & (data[:-1] == ord("0"))) + 1
    mark = mark[_HEX[data[np.minimum(mark + 1, len(data) - 1)]]]
    if len(mark) == 0:
        return mark, mark
    begin, end = runs(_HEX[data], bounds)
    run = np.searchsorted(begin, mark, side="right")  # begins after the x, unless a text ends
    run = run[run < len(begin)]
    begin, end = begin[run] - 2, end[run]
    text = np.searchsorted(bounds, begin + 2, side="right") - 1
    written = (mark[: len(run)] == begin + 1) & (bounds[text] <= begin)
    apart = (begin == bounds[text]) | ~_WORD[data[begin - 1]]
    closed = (end == bounds[text + 1]) | ~_WORD[data[np.minimum(end, len(data) - 1)]]
    is_hex = written & apart & closed & (end - begin - 2 <= HEX_DIGITS)
    return begin[is_hex], end[is_hex]


def _number_spans(
    data: np.ndarray, bounds: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return begin, end and value of the numbers, in order."""
    hex_begin, hex_end = _hexadecimal(data, bounds)
    decimal = _DIGIT[data]
    if len(hex_begin):
        decimal[ragged(hex_begin, hex_end - hex_begin)] = False
    begin, end = runs(decimal, bounds)
    short = end - begin <= DIGITS
    begin, end = begin[short], end[short]
    value = _values(data, begin, end, 10)
    if len(hex_begin) == 0:
        return begin, end, value
    begin, end = np.append(begin, hex_begin), np.append(end, hex_end)
    value = np.append(value, _values(data, hex_begin + 2, hex_end, 16))
    order = np.argsort(begin)
    return begin[order], end[order], value[order]


def _of_texts(begin: np.ndarray, bounds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the text that holds each symbol, and where each text's symbols begin."""
    first = np.searchsorted(begin, bounds)
    return np.repeat(np.arange(len(bounds) - 1), np.diff(first)), first


def numbers(text: Texts) -> Numbers:
    """Return the numbers: runs of up to 18 decimal digits, or ``0x`` and hexadecimal ones.

    >>> numbers(Texts(b"img_007.png at 0x1F", np.array([[0, 19]]))).value
    array([ 7, 31])
    """
    begin, end, value = _number_spans(text.bytes, text.bounds)
    return Numbers(_of_texts(begin, text.bounds)[0], begin, end, value)


def letters(text: Texts) -> Numbers:
    """Return the ASCII letters that stand alone, with their codes as values.

    >>> letters(Texts(b"a) one b) two", np.array([[0, 13]]))).value
    array([97, 98])
    """
    data = text.bytes
    begin, end = runs(_WORD[data], text.bounds)
    single = (end - begin == 1) & _LETTER[data[begin]]
    begin, end = begin[single], end[single]
    return Numbers(_of_texts(begin, text.bounds)[0], begin, end, data[begin].astype(np.int64))


def symbols(text: Texts) -> Symbols:
    """Return the numbers and the strings between them.

    Blanks separate strings; quotes and backslashes are left out, as Prashanth et al. 2024 do.

    >>> found = symbols(Texts(b"A.1 , A.2", np.array([[0, 9]])))
    >>> found.value.tolist(), (found.key == found.key[0]).tolist()
    ([0, 1, 0, 0, 2], [True, False, False, True, False])
    """
    quoted = _QUOTE[text.bytes]
    data = text.bytes[~quoted]
    bounds = text.bounds - np.concatenate([[0], np.cumsum(quoted)])[text.bounds]
    begin, end, value = _number_spans(data, bounds)
    in_string = ~_BLANK[data]
    in_string[ragged(begin, end - begin)] = False
    string_begin, string_end = runs(in_string, bounds)
    is_start = np.zeros(len(data), dtype=bool)
    is_start[begin] = is_start[string_begin] = True
    start = np.flatnonzero(is_start)
    is_string = in_string[start]
    values = np.zeros(len(start), dtype=np.int64)
    values[~is_string] = value
    keys = np.zeros(len(start), dtype=np.uint64)
    keys[is_string] = hashes(data, string_begin, string_end)
    return Symbols(values, keys, _of_texts(start, bounds)[1])


def runs(member: np.ndarray, bounds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the first place of each run of True and the one after its last; texts end runs.

    >>> begin, end = runs(np.array([True, True, False, True, True]), np.array([0, 4, 5]))
    >>> begin.tolist(), end.tolist()
    ([0, 3, 4], [2, 4, 5])
    """
    is_start, is_stop = member.copy(), np.zeros(len(member) + 1, dtype=bool)
    is_start[1:] &= ~member[:-1]
    is_stop[1:] = member
    is_stop[1:-1] &= ~member[1:]
    inner = bounds[1:-1][(bounds[1:-1] > 0) & (bounds[1:-1] < len(member))]
    is_start[inner] = member[inner]
    is_stop[inner] = member[inner - 1]
    return np.flatnonzero(is_start), np.flatnonzero(is_stop)


def hashes(data: np.ndarray, begin: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Return a 64-bit polynomial hash of each run ``data[begin[i]:end[i]]``, uint64, never 0.

    Two different runs have the same hash with probability about 2⁻⁶⁰.
    """
    if len(begin) == 0:
        return np.zeros(0, dtype=np.uint64)
    size = end - begin
    power = np.multiply.accumulate(np.full(size.max(), MULTIPLIER, dtype=np.uint64))
    place = ragged(begin, size)
    terms = (data[place] + np.uint64(1)) * power[place - np.repeat(begin, size)]
    return np.add.reduceat(terms, np.cumsum(size) - size) | np.uint64(1)
