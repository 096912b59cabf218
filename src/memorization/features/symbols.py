"""The numbers, the single letters and the strings that a text consists of.

Each function reads one text, a slice of bytes, and writes what it finds to an array with room for
an entry a byte; it returns how many there are. They are compiled, and called from compiled code.
"""

from __future__ import annotations

import numpy as np
from numba import njit

# Longest decimal number that int64 surely holds, in digits, and hexadecimal.
DIGITS, HEX_DIGITS = 18, 15


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


@njit(cache=True)
def _run_end(text: np.ndarray, place: int, member: np.ndarray) -> int:
    """Return the first place from ``place`` on whose byte is no member."""
    while place < len(text) and member[text[place]]:
        place += 1
    return place


@njit(cache=True)
def _value(digits: np.ndarray, base: int) -> int:
    value = 0
    for digit in digits:
        value = value * base + _DIGIT_VALUE[digit]
    return value


@njit(cache=True)
def _hexadecimal_end(text: np.ndarray, place: int) -> int:
    """Return where the hexadecimal number ends that begins with ``0x`` at a place, or 0: none."""
    if text[place] != ord("0") or place + 2 >= len(text) or text[place + 1] | 0x20 != ord("x"):
        return 0
    end = _run_end(text, place + 2, _HEX)
    apart = place == 0 or not _WORD[text[place - 1]]
    closed = end == len(text) or not _WORD[text[end]]
    return end if apart and closed and 0 < end - place - 2 <= HEX_DIGITS else 0


@njit(cache=True)
def numbers(text: np.ndarray, found: np.ndarray) -> int:
    """Write begin, end and value of the numbers to ``found``, int64 [bytes, 3].

    Numbers are runs of up to 18 decimal digits, or ``0x`` and up to 15 hexadecimal ones.

    >>> text = np.frombuffer(b"img_007.png at 0x1F", np.uint8)
    >>> found = np.zeros((len(text), 3), dtype=np.int64)
    >>> found[: numbers(text, found)].tolist()
    [[4, 7, 7], [15, 19, 31]]
    """
    count = place = 0
    while place < len(text):
        if not _DIGIT[text[place]]:
            place += 1
            continue
        begin, place = place, _hexadecimal_end(text, place)
        if place > 0:
            found[count] = (begin, place, _value(text[begin + 2 : place], 16))
            count += 1
            continue
        place = _run_end(text, begin, _DIGIT)
        if place - begin <= DIGITS:
            found[count] = (begin, place, _value(text[begin:place], 10))
            count += 1
    return count


@njit(cache=True)
def letters(text: np.ndarray, found: np.ndarray) -> int:
    """Write begin, end and code of the ASCII letters that stand alone, int64 [bytes, 3].

    >>> text = np.frombuffer(b"a) one b) two", np.uint8)
    >>> found = np.zeros((len(text), 3), dtype=np.int64)
    >>> found[: letters(text, found)].tolist()
    [[0, 1, 97], [7, 8, 98]]
    """
    count = place = 0
    while place < len(text):
        end = _run_end(text, place, _WORD)
        if end == place + 1 and _LETTER[text[place]]:
            found[count] = (place, end, np.int64(text[place]))
            count += 1
        place = end + 1
    return count


@njit(cache=True)
def without_quotes(text: np.ndarray) -> np.ndarray:
    """Return the text without quotes and backslashes, which Prashanth et al. 2025 leave out."""
    kept, count = np.empty_like(text), 0
    for byte in text:
        kept[count] = byte
        count += not _QUOTE[byte]
    return kept[:count]


@njit(cache=True)
def symbols(text: np.ndarray, found: np.ndarray) -> int:
    """Write the numbers and the strings between them: begin, end and value, int64 [bytes, 3].

    Blanks separate strings. The value of a string is -1, which no number has.

    >>> text = np.frombuffer(b"A.1 , A.2", np.uint8)
    >>> found = np.zeros((len(text), 3), dtype=np.int64)
    >>> found[: symbols(text, found)].tolist()
    [[0, 2, -1], [2, 3, 1], [4, 5, -1], [6, 8, -1], [8, 9, 2]]
    """
    number = np.empty((len(text), 3), dtype=np.int64)
    n_numbers = numbers(text, number)
    count = place = following = 0
    while place < len(text):
        at = number[following, 0] if following < n_numbers else len(text)
        if place == at:
            found[count] = number[following]
            place = number[following, 1]
            following += 1
            count += 1
        elif _BLANK[text[place]]:
            place += 1
        else:
            begin = place
            while place < at and not _BLANK[text[place]]:
                place += 1
            found[count] = (begin, place, -1)
            count += 1
    return count
