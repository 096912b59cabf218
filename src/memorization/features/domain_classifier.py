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

from memorization.features.surface import LETTER, byte_counts, lookup, structure
from memorization.features.symbols import hashes, runs

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

_LOWER = np.arange(256, dtype=np.uint8)
_LOWER[list(string.ascii_uppercase.encode())] += 32


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
        score = np.tile(self.bias, (len(found), 1))
        # Not a matrix product, whose last bits depend on how many rows there are.
        for own, weights in zip(found.T, self.weights, strict=True):
            score += own[:, None] * weights
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
def _lexicon() -> tuple[np.ndarray, np.ndarray]:
    """Return the hashes of all listed words, sorted, and for each the lists that hold it."""
    words = sorted({word for group in WORDS.values() for word in group.split()})
    data = np.frombuffer("".join(words).encode(), dtype=np.uint8)
    end = np.cumsum([len(word) for word in words])
    hashed = hashes(data, np.append(0, end[:-1]), end)
    member = np.array([[word in group.split() for group in WORDS.values()] for word in words])
    order = np.argsort(hashed)
    return hashed[order], member[order].astype(np.float64)


def word_shares(data: np.ndarray, bounds: np.ndarray) -> np.ndarray:
    """Return the share of each text's words in each list of ``WORDS``, float64 [n, lists].

    A word is a run of ASCII letters, in either case.
    """
    known, member = _lexicon()
    begin, end = runs(LETTER[data], bounds)
    hashed = hashes(_LOWER[data], begin, end)
    place = np.minimum(np.searchsorted(known, hashed), len(known) - 1)
    n_words = np.diff(np.searchsorted(begin, bounds))
    text = np.repeat(np.arange(len(n_words)), n_words)
    is_known = known[place] == hashed
    text, member = text[is_known], member[place[is_known]]
    counts = [np.bincount(text, weights=listed, minlength=len(n_words)) for listed in member.T]
    return np.stack(counts, axis=1) / np.maximum(n_words, 1)[:, None]


def evidence(data: np.ndarray, bounds: np.ndarray) -> np.ndarray:
    """Return what the classifier sees of each text, float64 [n, evidence], all in about 0…1.

    Square roots of shares, so that rare characters count; nothing depends on the text's length.

    Parameters
    ----------
    data : uint8, all texts in turn.
    bounds : int64 [n + 1], where each begins, and the end.
    """
    members = np.stack(list(CHARACTERS.values()), axis=1).astype(np.float32)
    # Sums of whole numbers below 2²⁴ are exact in float32 too, in any order.
    number = (byte_counts(data, bounds).astype(np.float32) @ members).astype(np.float64)
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
