"""Whether the text is made by a rule: a block that repeats, or numbers and letters that count up.

Such text can be continued without having been seen. Prashanth et al. 2024 ("Recite, Reconstruct,
Recollect") call it *reconstruction* and decide with two tests, which ``repeating`` and
``incrementing`` follow (``filters/pattern.py`` of github.com/EleutherAI/semantic-memorization at
84ab8c0): both ask that the *whole* text obey one rule. The other columns measure how far part of it
does: the longest arithmetic progression among its numbers, or among its single letters.

Differences from their code: bytes are compared instead of characters, which differs only inside
characters that the sequence's ends cut; numbers in hexadecimal are recognised next to punctuation
too; numbers of over 18 digits are compared as text; a text of exactly three numbers may also count
down (theirs takes any three that do not accelerate).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from memorization.features.family import Direction, Family, Feature, Inputs
from memorization.features.symbols import MULTIPLIER, Numbers, Symbols, letters, numbers, symbols
from memorization.features.text import Texts, in_chunks, ragged, texts, token_bytes

# A progression may interleave with up to this many others: three numbers a date, seven a table row.
LAGS = 8
# Three terms define a progression; in a table of small numbers they occur by chance, four rarely.
TERMS = 4


def repeated_block(data: np.ndarray, bounds: np.ndarray) -> np.ndarray:
    """Return the size of the block that each text is over and over, int64 [n]; 0: there is none.

    The smallest, at most half of the text; the last block may be cut.

    >>> text = np.frombuffer(b"abcabcababcd", np.uint8)
    >>> repeated_block(text, np.array([0, 8, 12]))
    array([3, 0])

    Parameters
    ----------
    data : symbols of all sequences in turn, any type that compares.
    bounds : int64 [n + 1], where each begins, and the end.
    """
    return _smallest_lag(data, bounds, lambda rows, lag: np.ones(len(rows), dtype=bool))


def incrementing(found: Symbols) -> np.ndarray:
    """Return whether the text is a template whose numbers are in arithmetic progression, bool [n].

    That is: for some p ≤ half its symbols (numbers, and the strings between), every string equals
    the one p before, and every number differs from the one p before by a constant of its place in
    the template, not 0 in all places and confirmed in one at least. The first and the last symbol,
    which may be cut, are left out where there are more than four.
    """
    count = np.diff(found.bounds)
    trim = np.where(count > 4, 1, 0)
    begin, size = found.bounds[:-1] + trim, count - 2 * trim
    keep = ragged(begin, size)
    bounds = np.concatenate([[0], np.cumsum(size)])
    key, value = found.key[keep], found.value[keep]
    is_number = key == 0

    def progresses(rows: np.ndarray, lag: np.ndarray) -> np.ndarray:
        """Return whether numbers at the lag keep their difference, where the strings agree."""
        n_pairs = size[rows] - lag
        later = ragged(bounds[rows] + lag, n_pairs)
        back = np.repeat(lag, n_pairs)
        step = np.where(is_number[later], value[later] - value[later - back], 0)
        moves = np.logical_or.reduceat(step != 0, np.cumsum(n_pairs) - n_pairs)
        n_triples = size[rows] - 2 * lag
        third = ragged(bounds[rows] + 2 * lag, n_triples)
        back = np.repeat(lag, n_triples)
        bend = value[third] - 2 * value[third - back] + value[third - 2 * back]
        owner = np.repeat(np.arange(len(rows)), n_triples)
        numeric = is_number[third]
        confirmed = np.bincount(owner[numeric], minlength=len(rows)) > 0
        bent = np.bincount(owner[numeric & (bend != 0)], minlength=len(rows)) > 0
        return moves & confirmed & ~bent

    return _smallest_lag(key, bounds, progresses) > 0


def _smallest_lag(
    key: np.ndarray,
    bounds: np.ndarray,
    holds: Callable[[np.ndarray, np.ndarray], np.ndarray],
) -> np.ndarray:
    """Return the smallest p ≤ half a row at which it equals itself and ``holds(rows, p)``, or 0."""
    begin, size = bounds[:-1], np.diff(bounds)
    found = np.zeros(len(begin), dtype=np.int64)
    row, lag = _likely_lags(key, bounds)
    while len(row):
        smallest = np.flatnonzero(np.diff(row, prepend=-1))
        rows, p = row[smallest], lag[smallest]
        n_pairs = size[rows] - p
        later = ragged(begin[rows] + p, n_pairs)
        equal = key[later] == key[later - np.repeat(p, n_pairs)]
        passed = np.logical_and.reduceat(equal, np.cumsum(n_pairs) - n_pairs)
        passed[passed] = holds(rows[passed], p[passed]) if passed.any() else []
        found[rows[passed]] = p[passed]
        open_ = found[row] == 0
        open_[smallest] = False
        row, lag = row[open_], lag[open_]
    return found


def _likely_lags(key: np.ndarray, bounds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return pairs of row and lag ≤ half of it at which it may equal itself, ascending.

    None is missing; one in 2⁶⁰ is too many.
    """
    begin, size = bounds[:-1], np.diff(bounds)
    # The first and the last symbol must agree: true of one or two lags a row ...
    place = np.flatnonzero(key == np.repeat(key[begin[size > 0]], size[size > 0]))
    row = np.repeat(np.arange(len(begin)), np.diff(np.searchsorted(place, bounds)))
    lag = place - begin[row]
    row, lag = (values[(lag > 0) & (2 * lag <= size[row])] for values in (row, lag))
    last = bounds[row + 1] - 1
    likely = key[last - lag] == key[last]
    row, lag = row[likely], lag[likely]
    # ... but of nearly all where a row is nearly constant: there, hashes of the two runs that must
    # agree tell, each in constant time.
    power = np.multiply.accumulate(np.full(len(key) + 1, MULTIPLIER))
    prefix = np.zeros(len(key) + 1, dtype=np.uint64)
    np.cumsum((key.astype(np.uint64) + np.uint64(1)) * power[:-1], out=prefix[1:])
    first, end = begin[row], bounds[row + 1]
    later, earlier = prefix[end] - prefix[first + lag], prefix[end - lag] - prefix[first]
    likely = later == earlier * power[lag - 1]  # power[i] is the multiplier to the i + 1
    return row[likely], lag[likely]


def progressions(found: Numbers) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """Yield, for each lag, what arithmetic progressions the values form at it.

    (lag, terms, difference): int64 arrays, one entry a value. ``terms`` is the number of terms of
    the progression that ends with the value, each ``lag`` values after the one before: at least 3,
    or 0 where the value continues none. A constant is no progression.

    >>> text = Texts(b"1, 2, 3; 5 and 7", np.array([[0, 16]]))
    >>> lag, terms, difference = next(progressions(numbers(text)))
    >>> lag, terms.tolist()
    (1, [0, 0, 3, 0, 3])
    """
    value, row = found.value, found.row
    for lag in range(1, LAGS + 1):
        difference, terms = (np.zeros(len(value), dtype=np.int64) for _ in range(2))
        difference[lag:] = np.where(row[lag:] == row[:-lag], value[lag:] - value[:-lag], 0)
        goes_on = np.zeros(len(value), dtype=bool)
        goes_on[lag:] = (difference[lag:] == difference[:-lag]) & (difference[lag:] != 0)
        # Length of the run of True that ends here, counting every lag-th entry.
        padded = np.zeros(-(-len(value) // lag) * lag, dtype=bool)
        padded[: len(value)] = goes_on
        table = padded.reshape(-1, lag)
        place = np.arange(1, len(table) + 1)[:, None]
        run = place - np.maximum.accumulate(np.where(table, 0, place), axis=0)
        terms[goes_on] = run.ravel()[: len(value)][goes_on] + 2
        yield lag, terms, difference


def template_features(text: Texts) -> dict[str, np.ndarray]:
    """Return every column of the family, arrays [n]; 0 throughout for an empty text."""
    data, bounds = text.bytes, text.bounds
    n, middle = len(bounds) - 1, text.middle
    number = numbers(text)
    n_numbers = np.bincount(number.row, minlength=n)
    # A progression has three terms at least, which most texts do not have the numbers for.
    some = np.flatnonzero(n_numbers >= 3)
    counts_up = np.zeros(n, dtype=bool)
    counts_up[some] = incrementing(symbols(text.take(some)))
    longest, prompt, counter = (np.zeros(n, dtype=np.int64) for _ in range(3))
    # +1 where a progression's first term begins and -1 where its last one ends.
    cover = np.zeros(len(data) + 1, dtype=np.int64)
    for found in (number, letters(text)):
        for lag, terms, difference in progressions(found):
            last = np.flatnonzero(terms)
            row = found.row[last]
            np.maximum.at(longest, row, terms[last])
            np.maximum.at(counter, row, np.where(abs(difference[last]) == 1, terms[last], 0))
            inside = found.end[last] <= middle[row]
            np.maximum.at(prompt, row[inside], terms[last[inside]])
            # Each progression is marked as far as each of its terms; the longest mark holds.
            long = last[terms[last] >= TERMS]
            np.add.at(cover, found.begin[long - (terms[long] - 1) * lag], 1)
            np.add.at(cover, found.end[long], -1)
    covered = np.concatenate([[0], np.cumsum(np.cumsum(cover[:-1]) > 0)])
    size = bounds[1:] - middle
    return {
        "number_count": n_numbers,
        "progression": longest,
        "prompt_progression": prompt,
        "counter": counter,
        "progression_share": (covered[bounds[1:]] - covered[middle]) / np.maximum(size, 1),
        "incrementing": counts_up,
        "repeating": repeated_block(data, bounds) > 0,
    }


def _compute(inputs: Inputs) -> dict[str, np.ndarray]:
    table = token_bytes(inputs.tokenizer)
    return in_chunks(lambda tokens: template_features(texts(table, tokens)), inputs.tokens)


def _feature(
    name: str, hypothesis: str, direction: Direction, source: str = "this work"
) -> Feature:
    return Feature(name, "text", hypothesis, direction, source, "a parse of the bytes")


_TAXONOMY = "Prashanth et al. 2024"

FAMILY = Family(
    "template",
    (
        _feature("number_count", "Numbers are arbitrary unless a rule makes them.", "?"),
        _feature("progression", "Numbers that count up follow from those before.", "+", _TAXONOMY),
        _feature(
            "prompt_progression", "A rule that the prompt shows can be carried on.", "+", _TAXONOMY
        ),
        _feature("counter", "Counting by one is the rule that is learnt first.", "+"),
        _feature(
            "progression_share", "Where the rule makes all of the text, nothing is stored.", "+"
        ),
        _feature("incrementing", "A template with counters is reconstructed.", "+", _TAXONOMY),
        _feature("repeating", "A block that repeats is reconstructed.", "+", _TAXONOMY),
    ),
    _compute,
)
