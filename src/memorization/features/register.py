"""Which kinds of words the text is made of: does it address, grant, offer, tell or define?

Boilerplate speaks to a reader (*you may*, *this site*, *all rights reserved*); a story is told in
the past. Which register a text is of shows in the shares of a few common words (Biber 1988,
"Variation across speech and writing"). The lists are fixed and short. Those of ``legal`` and
``web`` were drawn up after a look at which words a linear model weighted on half of the memorized
and other texts of one model, Pythia-6.9b; they were tested on the other half.

A word is a run of ASCII letters, in any case. English words only: of other languages all shares
are 0, and so they are of data.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from memorization.features.family import Family, declare
from memorization.features.surface import LETTER
from memorization.features.text import Texts, of_texts

CLASSES = {
    "second_person": "you your yours yourself",
    "past": "was were had did said been went came got made",
    "preposition": "of in to for with on at by from as into about",
    "legal": (
        "copyright license licensed licence warranty warranties liability rights reserved terms "
        "conditions agreement permission permitted notice law disclaimer distributed applicable "
        "implied express damages copy copies software foundation"
    ),
    "web": (
        "website site page pages please click email cookie cookies privacy policy information "
        "account subscribe login search browser home contact news online free read more view "
        "comments share follow access use uses user users service services"
    ),
    "code": (
        "return import include public private static void int string char class function var const "
        "def if else for while new null true false end type struct package use using namespace"
    ),
}

# Letters of the longest word that a code holds: five bits each.
LETTERS = 12
_NO_WORD = np.int64(-1)


def word_code(word: str) -> int:
    """Return a number that no other word of up to 12 ASCII letters has, whatever their case.

    >>> word_code("ab"), word_code("AB"), word_code("b")
    (34, 34, 2)
    """
    code = 0
    for letter in word.encode():
        code = code << 5 | letter & 31
    return code


def _word_table() -> tuple[np.ndarray, np.ndarray]:
    """Return the codes of all listed words, in order, and a bit for each class that has each."""
    classes: dict[int, int] = {}
    for place, words in enumerate(CLASSES.values()):
        for word in words.split():
            code = word_code(word)
            classes[code] = classes.get(code, 0) | 1 << place
    codes = np.array(sorted(classes), dtype=np.int64)
    return codes, np.array([classes[code] for code in codes.tolist()], dtype=np.int64)


_CODES, _BITS = _word_table()


@njit(cache=True)
def _class_counts(data: np.ndarray, bounds: np.ndarray, n_classes: int) -> np.ndarray:
    """Return how many words of each class each text has, and last how many words, int64 [n, k]."""
    counts = np.zeros((len(bounds) - 1, n_classes + 1), dtype=np.int64)
    for i in range(len(counts)):
        code, size = np.int64(0), 0
        # One place past the end, which ends the last word.
        for place in range(bounds[i], bounds[i + 1] + 1):
            if place < bounds[i + 1] and LETTER[data[place]]:
                size += 1
                code = code << 5 | np.int64(data[place] & 31) if size <= LETTERS else _NO_WORD
                continue
            if size > 0:
                counts[i, n_classes] += 1
                at = np.searchsorted(_CODES, code)
                if at < len(_CODES) and _CODES[at] == code:
                    for k in range(n_classes):
                        counts[i, k] += _BITS[at] >> k & 1
            code, size = np.int64(0), 0
    return counts


def register_features(text: Texts) -> dict[str, np.ndarray]:
    """Return every column of the family, float64 [n] in 0…1; 0 throughout without a word."""
    counts = _class_counts(text.bytes, text.bounds, len(CLASSES))
    shares = counts[:, :-1] / np.maximum(counts[:, -1:], 1)
    return dict(zip(CLASSES, shares.T, strict=True))


_BIBER = "Biber 1988 (registers)"

FAMILY = Family(
    "register",
    declare("text", "a look-up of each word", [
        ("second_person", "+", "Notices, terms and advertisements speak to the reader.", _BIBER),
        ("past", "-", "What happened is told once; what applies is stated again.", _BIBER),
        ("preposition", "-", "Running prose leaves many choices; names and data have none.",
         _BIBER),
        ("legal", "+", "Licences and terms are copied word by word."),
        ("web", "+", "Menus, footers and notices are the same on every page of a site."),
        ("code", "?", "Keywords of programs; headers of files are copied, their bodies are not."),
    ]),
    lambda inputs: of_texts(register_features, inputs.tokenizer, inputs.tokens),
)  # fmt: skip
