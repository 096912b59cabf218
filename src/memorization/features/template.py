"""Whether the text is made by a rule: a block that repeats, or numbers and letters that count up.

Such text can be continued without having been seen. Prashanth et al. 2025 ("Recite, Reconstruct,
Recollect") call it *reconstruction* and decide with two tests, which ``repeating`` and
``incrementing`` follow (``filters/pattern.py`` of github.com/EleutherAI/semantic-memorization at
84ab8c0): both ask that the *whole* text obey one rule. The other columns measure how far part of it
does: the longest arithmetic progression among its numbers, or among its single letters.

Differences from their code: bytes are compared instead of characters, which differs only inside
characters that the sequence's ends cut; numbers in hexadecimal are recognised next to punctuation
too; numbers of over 18 digits are compared as text; a text of exactly three numbers may also count
down (theirs takes any three that do not accelerate).

What a text consists of is found by compiled functions that read one text, uint8, and write begin,
end and value of what they find to an array with room for an entry a byte, int64 [bytes, 3]; they
return how many there are.
"""

from __future__ import annotations

import string

import numpy as np
from numba import njit

from memorization.features.family import Family, declare
from memorization.features.repetition import period
from memorization.features.surface import LETTER, lookup
from memorization.features.text import Texts, of_texts

# A progression may interleave with up to this many others: three numbers a date, seven a table row.
LAGS = 8
# Three terms define a progression; in a table of small numbers they occur by chance, four rarely.
TERMS = 4

# Longest decimal number that int64 surely holds, in digits, and hexadecimal.
DIGITS, HEX_DIGITS = 18, 15
_DIGIT = lookup(string.digits)
_HEX = lookup(string.hexdigits)
_WORD = _DIGIT | LETTER | (np.arange(256) >= 0x80) | lookup("_")
_BLANK = lookup(string.whitespace)
_QUOTE = lookup("'\"\\")
# Value of a digit, decimal or hexadecimal.
_DIGIT_VALUE = np.zeros(256, dtype=np.int64)
_DIGIT_VALUE[list(string.hexdigits.encode())] = [int(digit, 16) for digit in string.hexdigits]


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
    """Find the numbers: runs of up to 18 decimal digits, or ``0x`` and up to 15 hexadecimal ones.

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
    """Find the ASCII letters that stand alone; their value is their code.

    >>> text = np.frombuffer(b"a) one b) two", np.uint8)
    >>> found = np.zeros((len(text), 3), dtype=np.int64)
    >>> found[: letters(text, found)].tolist()
    [[0, 1, 97], [7, 8, 98]]
    """
    count = place = 0
    while place < len(text):
        end = _run_end(text, place, _WORD)
        if end == place + 1 and LETTER[text[place]]:
            found[count] = (place, end, np.int64(text[place]))
            count += 1
        place = end + 1
    return count


@njit(cache=True)
def symbols(text: np.ndarray, found: np.ndarray) -> int:
    """Find the numbers, and the strings between them, whose value is -1; blanks separate strings.

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


@njit(cache=True)
def without_quotes(text: np.ndarray) -> np.ndarray:
    """Return the text without quotes and backslashes, which Prashanth et al. 2025 leave out."""
    kept, count = np.empty_like(text), 0
    for byte in text:
        kept[count] = byte
        count += not _QUOTE[byte]
    return kept[:count]


@njit(cache=True)
def repeated_block(text: np.ndarray) -> int:
    """Return the size of the block that a text is over and over, or 0: there is none.

    The smallest, at most half of the text; the last block may be cut.

    >>> repeated_block(np.frombuffer(b"abcabcab", np.uint8)), repeated_block(np.arange(4))
    (3, 0)
    """
    size = period(text)
    return size if 2 * size <= len(text) else 0


@njit(cache=True)
def _obeys(text: np.ndarray, symbol: np.ndarray, lag: int) -> bool:
    """Return whether symbols a lag apart are equal strings or numbers in progression."""
    moves = confirmed = False
    for i in range(lag, len(symbol)):
        begin, end, value = symbol[i]
        first, last, before = symbol[i - lag]
        if (value < 0) != (before < 0):
            return False
        if value < 0:
            if end - begin != last - first:
                return False
            for k in range(end - begin):
                if text[begin + k] != text[first + k]:
                    return False
        elif i < 2 * lag:
            moves |= value != before
        else:
            if value - before != before - symbol[i - 2 * lag, 2]:
                return False
            confirmed = True
    return moves and confirmed


@njit(cache=True)
def incrementing(text: np.ndarray) -> bool:
    """Return whether a text is a template whose numbers are in arithmetic progression.

    That is: for some p ≤ half its symbols (numbers, and the strings between), every string equals
    the one p before, and every number differs from the one p before by a constant of its place in
    the template, not 0 in all places and confirmed in one at least. The first and the last symbol,
    which may be cut, are left out where there are more than four.

    >>> [incrementing(np.frombuffer(text, np.uint8)) for text in (b"1 2 3 4 5", b"1 2 3 5 4")]
    [True, False]
    """
    text = without_quotes(text)
    symbol = np.empty((len(text), 3), dtype=np.int64)
    symbol = symbol[: symbols(text, symbol)]
    if len(symbol) > 4:
        symbol = symbol[1:-1]
    for lag in range(1, len(symbol) // 2 + 1):  # noqa: SIM110, Numba takes no generators
        if _obeys(text, symbol, lag):
            return True
    return False


@njit(cache=True)
def progressions(found: np.ndarray, lag: int) -> np.ndarray:
    """Return the length of the arithmetic progression that ends with each value found, int64 [m].

    Its terms are ``lag`` values apart; fewer than three are none, and 0. A constant is none.

    >>> found = np.array([[0, 1, 1], [3, 4, 2], [6, 7, 3], [9, 10, 5], [15, 16, 7]])
    >>> progressions(found, lag=1).tolist()
    [0, 0, 3, 0, 3]
    """
    value = found[:, 2]
    terms = np.zeros(len(found), dtype=np.int64)
    for i in range(2 * lag, len(found)):
        step = value[i] - value[i - lag]
        if step != 0 and step == value[i - lag] - value[i - 2 * lag]:
            terms[i] = max(terms[i - lag] + 1, 3)
    return terms


# What is found of a text, in this order; of the share, first the bytes.
_FOUND = (
    "number_count", "progression", "prompt_progression", "counter", "progression_share",
    "incrementing", "repeating",
)  # fmt: skip


@njit(cache=True)
def _template(data: np.ndarray, bounds: np.ndarray, middle: np.ndarray, largest: int) -> np.ndarray:
    """Return what ``_FOUND`` names of texts of at most so many bytes, int64 [7, n]."""
    out = np.zeros((len(_FOUND), len(middle)), dtype=np.int64)
    found = np.empty((largest, 3), dtype=np.int64)
    covered = np.zeros(largest, dtype=np.bool_)
    for i in range(len(middle)):
        text, prompt = data[bounds[i] : bounds[i + 1]], middle[i] - bounds[i]
        longest = inside = counter = n_numbers = 0
        for kind in range(2):
            count = numbers(text, found) if kind == 0 else letters(text, found)
            n_numbers = count if kind == 0 else n_numbers
            for lag in range(1, min(LAGS, (count - 1) // 2) + 1):
                terms = progressions(found[:count], lag)
                for k in range(count):
                    if terms[k] == 0:
                        continue
                    longest = max(longest, terms[k])
                    if abs(found[k, 2] - found[k - lag, 2]) == 1:
                        counter = max(counter, terms[k])
                    if found[k, 1] <= prompt:
                        inside = max(inside, terms[k])
                    if terms[k] >= TERMS:
                        # All of a progression when it is first long enough, then as it grows.
                        back = lag * (terms[k] - 1 if terms[k] == TERMS else 1)
                        for place in range(found[k - back, 0], found[k, 1]):
                            covered[place] = True
        out[0, i], out[1, i], out[2, i], out[3, i] = n_numbers, longest, inside, counter
        for place in range(len(text)):
            out[4, i] += covered[place] and place >= prompt
            covered[place] = False
        # Three terms are needed, which most texts do not have the numbers for.
        out[5, i] = n_numbers > 2 and incrementing(text)
        out[6, i] = repeated_block(text) > 0
    return out


def template_features(text: Texts) -> dict[str, np.ndarray]:
    """Return every column of the family, arrays [n]; 0 throughout for an empty text."""
    largest = int(np.diff(text.bounds).max(initial=0))
    found = _template(text.bytes, text.bounds, text.middle, largest)
    columns = dict(zip(_FOUND, found, strict=True))
    size = np.maximum(text.bounds[1:] - text.middle, 1)
    return columns | {"progression_share": columns["progression_share"] / size}


_TAXONOMY = "Prashanth et al. 2025"

FAMILY = Family(
    "template",
    declare("text", "a parse of the bytes", [
        ("number_count", "?", "Numbers are arbitrary unless a rule makes them."),
        ("progression", "+", "Numbers that count up follow from those before.", _TAXONOMY),
        ("prompt_progression", "+", "A rule that the prompt shows can be carried on.", _TAXONOMY),
        ("counter", "+", "Counting by one is the rule that is learnt first."),
        ("progression_share", "+", "Where the rule makes all of the text, nothing is stored."),
        ("incrementing", "+", "A template with counters is reconstructed.", _TAXONOMY),
        ("repeating", "+", "A block that repeats is reconstructed.", _TAXONOMY),
    ]),
    lambda inputs: of_texts(template_features, inputs.tokenizer, inputs.tokens),
)  # fmt: skip
