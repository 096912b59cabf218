"""The domain of a text, inferred from its bytes where the data do not name it, as in the Pile.

Five domains: ``code``, ``documentation``, ``licences``, ``prose``, ``tables``. A multinomial
logistic regression on 52 pieces of evidence: shares of characters, lines, brackets and seven short
lists of words. Its coefficients are in ``domain_classifier.json``, which
``python -m memorization.features.domain_fit`` makes from the shipped corpus, where the truth is
known. That script also says how good it is on packages that it has not seen: 93 % and 88 % of texts
right (always "code": 65 % and 39 %). Documentation is the hardest to tell. Plain thresholds on the
same evidence were right for 72 %. All prose of the corpus is from one book; that of other kinds is
tested on a few dozen texts written for it.
"""

from __future__ import annotations

import json
import string
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

import numpy as np
from numba import njit

from memorization.features.surface import LETTER, ByteClasses, lookup, structure

COEFFICIENTS = "domain_classifier.json"
DOMAINS = ("code", "documentation", "licences", "prose", "tables")
# What the corpus tells apart more finely: Python, its stubs and tests, and C headers are code.
MERGED = {"headers": "code", "stubs": "code", "tests": "code"}

CHARACTERS = {
    "lower": lookup(string.ascii_lowercase),
    "upper": lookup(string.ascii_uppercase),
    "digits": lookup(string.digits),
    "space": lookup(" "),
    "newline": lookup("\n"),
    "tab": lookup("\t"),
    "non_ascii": np.arange(256) >= 0x80,
} | {character: lookup(character) for character in string.punctuation}
_CHARACTERS = ByteClasses.of(CHARACTERS)
# Words by the kind of text that they are frequent in; a word may be in several lists.
WORDS = {
    "python": "def return self import class if none true false from raise assert isinstance "
    "elif else try except for in not print lambda pass yield with str int bool list dict tuple "
    "optional any super init args kwargs",
    "c": "include define const void static int struct template typename namespace char unsigned "
    "ifdef endif ifndef inline public private virtual size bool double float enum typedef std "
    "nullptr null",
    "other_code": "function var let const return new this public private static class import "
    "package void string null true false end begin echo sub use require module fn mut impl func "
    "type interface",
    "legal": "license licence licenses licensed copyright warranty warranties liability liable "
    "redistribution redistributions permission notice damages rights reserved distribute "
    "sublicense infringement holder holders contributors contributor merchantability fitness "
    "herein hereby agreement terms conditions trademark trademarks disclaimer disclaimed patent "
    "notwithstanding indirect incidental consequential copies granted jurisdiction binary "
    "derivative licensor work works provided granting party parties",
    "english": "the of and to in that a is was he for it with as his on be at by i this had not "
    "are but from or have an they which one you were her all she there would their we him been "
    "has when who will more no if out so said what up its about into than them can only other",
    "narrative": "he she his her him said unto man men people they them was were had we our us "
    "my me i thou thee thy day years time life world house home city love god lord king son "
    "children woman women mother father",
    "reference": "see default example examples used use using value set specified option "
    "options returns returned note file command version install installation usage "
    "documentation property variable target following also available support supported pip "
    "https www github page pages",
}
SHAPE = ("indentation", "word_length", "tags", "urls", "depth", "line_length")
EVIDENCE = (*CHARACTERS, *SHAPE, *WORDS)

# Of the hash table of those words, four times as many as there are.
_SLOTS = 2048


@dataclass(frozen=True)
class Classifier:
    """A multinomial logistic regression.

    Attributes
    ----------
    weights : float64 [evidence, domains].
    bias : float64 [domains].
    """

    weights: np.ndarray
    bias: np.ndarray

    def score(self, found: np.ndarray) -> np.ndarray:
        """Return the log-odds of each domain, up to a constant, float64 [n, domains].

        Parameters
        ----------
        found : float64 [n, evidence].
        """
        # Not a matrix product, whose last bits depend on how many rows there are.
        return _scored(found, self.weights, self.bias)


@njit(cache=True)
def _scored(found: np.ndarray, weights: np.ndarray, bias: np.ndarray) -> np.ndarray:
    score = np.empty((len(found), len(bias)))
    for i in range(len(found)):
        score[i] = bias
        for k in range(len(weights)):
            for domain in range(len(bias)):
                score[i, domain] += found[i, k] * weights[k, domain]
    return score


@lru_cache(maxsize=1)
def classifier() -> Classifier:
    """Return the committed classifier."""
    path = resources.files("memorization.features") / COEFFICIENTS
    stored = json.loads(path.read_text(encoding="utf-8"))
    assert tuple(stored["domains"]) == DOMAINS
    weights = np.array([stored["weights"][name] for name in EVIDENCE])
    return Classifier(weights, np.array(stored["bias"]))


@lru_cache(maxsize=1)
def _lexicon() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return all listed words as a hash table that is probed in turn.

    The bytes of all words; where each begins, and the end, int64 [words + 1]; the word in each
    slot, or -1, int64 [``_SLOTS``]; and whether a list holds a word, int64 [words, lists].
    """
    words = sorted({word for group in WORDS.values() for word in group.split()})
    data = np.frombuffer("".join(words).encode(), dtype=np.uint8)
    start = np.cumsum([0, *map(len, words)])
    listed = [group.split() for group in WORDS.values()]
    member = np.array([[word in group for group in listed] for word in words], dtype=np.int64)
    return data, start, _filled(data, start), member


@njit(cache=True)
def _hash(word: np.ndarray) -> int:
    """Return a hash of the letters, 31 of their 32 bits, in either case (FNV-1a)."""
    value = 0x811C9DC5
    for letter in word:
        value = ((value ^ (letter | 0x20)) * 0x01000193) & 0x7FFFFFFF
    return value


@njit(cache=True)
def _filled(data: np.ndarray, start: np.ndarray) -> np.ndarray:
    """Return the slots with the words in them."""
    slots = np.full(_SLOTS, -1, dtype=np.int64)
    for word in range(len(start) - 1):
        slot = _hash(data[start[word] : start[word + 1]]) % _SLOTS
        while slots[slot] >= 0:
            slot = (slot + 1) % _SLOTS
        slots[slot] = word
    return slots


@njit(cache=True)
def _known(word: np.ndarray, data: np.ndarray, start: np.ndarray, slots: np.ndarray) -> int:
    """Return which of the listed words it is, or -1: none. Letters decide, the hash only leads."""
    slot = _hash(word) % _SLOTS
    while slots[slot] >= 0:
        first, last = start[slots[slot]], start[slots[slot] + 1]
        same = 0
        while same < len(word) and first + same < last and word[same] | 0x20 == data[first + same]:
            same += 1
        if same == len(word) and first + same == last:
            return slots[slot]
        slot = (slot + 1) % _SLOTS
    return -1


@njit(cache=True)
def _listed_words(
    data: np.ndarray,
    bounds: np.ndarray,
    lexicon: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray],
) -> tuple[np.ndarray, np.ndarray]:
    """Return each text's words in each list, int64 [n, lists], and all its words, int64 [n]."""
    letters, start, slots, member = lexicon
    n = len(bounds) - 1
    listed, total = np.zeros((n, member.shape[1]), dtype=np.int64), np.zeros(n, dtype=np.int64)
    for i in range(n):
        place = bounds[i]
        while place < bounds[i + 1]:
            begin = place
            while place < bounds[i + 1] and LETTER[data[place]]:
                place += 1
            if place > begin:
                total[i] += 1
                word = _known(data[begin:place], letters, start, slots)
                if word >= 0:
                    for group in range(member.shape[1]):
                        listed[i, group] += member[word, group]
            place += 1
    return listed, total


def word_shares(data: np.ndarray, bounds: np.ndarray) -> np.ndarray:
    """Return the share of each text's words in each list of ``WORDS``, float64 [n, lists].

    A word is a run of ASCII letters, in either case.
    """
    listed, total = _listed_words(data, bounds, _lexicon())
    return listed / np.maximum(total, 1)[:, None]


def evidence(data: np.ndarray, bounds: np.ndarray) -> np.ndarray:
    """Return what the classifier sees of each text, float64 [n, evidence], all in about 0…1.

    Square roots of shares, so that rare characters count; nothing depends on the text's length.

    Parameters
    ----------
    data : uint8, all texts in turn.
    bounds : int64 [n + 1], where each begins, and the end.
    """
    number = _CHARACTERS.count(data, bounds)
    size = np.maximum(np.diff(bounds), 1)
    found = structure(data, bounds)
    shape = [
        found["indentation"],
        found["word_length"] / 10,
        20 * found["tag_count"] / size,
        found["url_count"] > 0,
        np.minimum(found["depth"], 5) / 5,
        size / (found["line_count"] + 1) / 200,
    ]
    return np.hstack(
        [
            np.sqrt(number / size[:, None]),
            np.stack(shape, axis=1),
            np.sqrt(word_shares(data, bounds)),
        ]
    )


def domain_probabilities(data: np.ndarray, bounds: np.ndarray) -> np.ndarray:
    """Return how likely each text is of each domain, float64 [n, domains]; rows sum to 1.

    Domains are taken to be equally frequent. Those of an empty text are equally likely.

    >>> text = np.frombuffer(b"And he said unto them, Go ye into all the world.", np.uint8)
    >>> DOMAINS[domain_probabilities(text, np.array([0, len(text)]))[0].argmax()]
    'prose'

    Parameters
    ----------
    data : uint8, all texts in turn.
    bounds : int64 [n + 1], where each begins, and the end.
    """
    score = classifier().score(evidence(data, bounds))
    score[np.diff(bounds) == 0] = 0
    odds = np.exp(score - score.max(axis=1, keepdims=True, initial=0))
    return odds / odds.sum(axis=1, keepdims=True)


def infer_domain(data: np.ndarray, bounds: np.ndarray) -> np.ndarray:
    """Return the likeliest domain of each text, object [n]; None for an empty one.

    Parameters
    ----------
    data : uint8, all texts in turn.
    bounds : int64 [n + 1], where each begins, and the end.
    """
    domain = np.array(DOMAINS, dtype=object)[domain_probabilities(data, bounds).argmax(axis=1)]
    domain[np.diff(bounds) == 0] = None
    return domain
