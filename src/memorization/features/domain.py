"""What kind of text the sequence is: where in the corpus it comes from, and what it looks like.

The corpus may name the domain of a sequence; the Pile after tokenization does not, and then there
is no such column. What the text alone says, the probability of each domain, is always there.

It is said by a multinomial logistic regression on 52 pieces of evidence: shares of characters,
lines, brackets and seven short lists of words. Lists and coefficients are in
``domain_classifier.json``; ``benchmarks/domain_classifier.py`` fits them to the shipped corpus,
where the truth is known, and says how good they are on packages not seen in fitting: 93 % and 88 %
of texts right (always "code": 65 % and 39 %). Documentation is the hardest to tell.
"""

from __future__ import annotations

import json
import re
import string
from importlib import resources

import numpy as np
from numba import njit

from memorization.errors import UserError
from memorization.features.family import Family, Inputs, declare
from memorization.features.surface import LETTER, byte_counts, lookup, structure
from memorization.features.text import Texts, of_texts

COEFFICIENTS = "domain_classifier.json"
_STORED = json.loads(
    resources.files("memorization.features").joinpath(COEFFICIENTS).read_text(encoding="utf-8")
)
DOMAINS: tuple[str, ...] = tuple(_STORED["domains"])
# Words by the kind of text that they are frequent in; a word may be in several lists.
WORDS = {name: words.split() for name, words in _STORED["words"].items()}
CHARACTERS = {
    "lower": lookup(string.ascii_lowercase),
    "upper": lookup(string.ascii_uppercase),
    "digits": lookup(string.digits),
    "space": lookup(" "),
    "newline": lookup("\n"),
    "tab": lookup("\t"),
    "non_ascii": np.arange(256) >= 0x80,
} | {character: lookup(character) for character in string.punctuation}
_MEMBER = np.stack(list(CHARACTERS.values()), axis=1).astype(np.float64)
SHAPE = ("indentation", "word_length", "tags", "urls", "depth", "line_length")
EVIDENCE = (*CHARACTERS, *SHAPE, *WORDS)
# Of the logistic regression: float64 [evidence, domains] and [domains].
WEIGHTS = np.array([_STORED["weights"][name] for name in EVIDENCE])
BIAS = np.array(_STORED["bias"])


def one_hot(domain: np.ndarray) -> dict[str, np.ndarray]:
    """Return one 0/1 column a domain, ordered by name; a sequence of no domain is 0 in all.

    Characters that a column's name may not hold become underscores.

    >>> {name: column.tolist() for name, column in one_hot(np.array(["b c", None, "a"])).items()}
    {'a': [0.0, 0.0, 1.0], 'b_c': [1.0, 0.0, 0.0]}

    Raises
    ------
    UserError
        If two domains would have the same column.
    """
    columns: dict[str, np.ndarray] = {}
    for name in sorted({name for name in domain.tolist() if name is not None}):
        column = re.sub(r"[^\w-]", "_", name)
        if column in columns:
            raise UserError(
                f"domain '{name}': another domain is written '{column}' too, once characters other "
                "than letters, digits, '-' and '_' are replaced; rename one of them in the corpus"
            )
        columns[column] = (domain == name).astype(np.float64)
    return columns


def _number(word: str) -> int:
    """Return the letters as a number to base 27, modulo 2^64: exact for words of 13 letters."""
    number = 0
    for letter in word.encode():
        number = (27 * number + (letter & 0x1F)) % 2**64
    return number


# The numbers of all listed words, uint64 ascending, and whether a list holds each, [words, lists].
_LISTED = sorted({word for own in WORDS.values() for word in own}, key=_number)
NUMBERS = np.array([_number(word) for word in _LISTED], np.uint64)
HOLDS = np.array([[word in own for own in WORDS.values()] for word in _LISTED], np.int64)


@njit(cache=True)
def word_shares(
    data: np.ndarray, bounds: np.ndarray, known: np.ndarray, holds: np.ndarray
) -> np.ndarray:
    """Return the share of each text's words in each list, float64 [n, lists].

    A word is a run of ASCII letters, in either case. Those listed are ``known`` by their numbers;
    ``holds`` says which lists hold each.
    """
    shares = np.zeros((len(bounds) - 1, holds.shape[1]))
    for i in range(len(shares)):
        total = 0
        place = bounds[i]
        while place < bounds[i + 1]:
            begin, number = place, np.uint64(0)
            while place < bounds[i + 1] and LETTER[data[place]]:
                number = np.uint64(27) * number + np.uint64(data[place] & 0x1F)
                place += 1
            if place > begin:
                total += 1
                word = np.searchsorted(known, number)
                if word < len(known) and known[word] == number:
                    shares[i] += holds[word]
            place += 1
        shares[i] /= max(total, 1)
    return shares


def evidence(data: np.ndarray, bounds: np.ndarray) -> np.ndarray:
    """Return what the classifier sees of each text, float64 [n, evidence], all in about 0…1.

    Square roots of shares, so that rare characters count; nothing depends on the text's length.
    ``data`` is uint8, all texts in turn; ``bounds`` int64 [n + 1], where each begins, and the end.
    """
    number = byte_counts(data, bounds) @ _MEMBER
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
    words = word_shares(data, bounds, NUMBERS, HOLDS)
    return np.hstack([np.sqrt(number / size[:, None]), np.stack(shape, axis=1), np.sqrt(words)])


@njit(cache=True)
def score(found: np.ndarray, weights: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """Return the log-odds of each domain, up to a constant, float64 [n, domains].

    Not a matrix product, whose last bits depend on how many rows there are.
    """
    odds = np.empty((len(found), len(bias)))
    for i in range(len(found)):
        odds[i] = bias
        for k in range(len(weights)):
            for domain in range(len(bias)):
                odds[i, domain] += found[i, k] * weights[k, domain]
    return odds


def domain_probabilities(data: np.ndarray, bounds: np.ndarray) -> np.ndarray:
    """Return how likely each text is of each domain, float64 [n, domains]; rows sum to 1.

    Domains are taken to be equally frequent. Those of an empty text are equally likely.

    >>> text = np.frombuffer(b"And he said unto them, Go ye into all the world.", np.uint8)
    >>> DOMAINS[domain_probabilities(text, np.array([0, len(text)]))[0].argmax()]
    'prose'
    """
    log_odds = score(evidence(data, bounds), WEIGHTS, BIAS)
    log_odds[np.diff(bounds) == 0] = 0
    odds = np.exp(log_odds - log_odds.max(axis=1, keepdims=True, initial=0))
    return odds / odds.sum(axis=1, keepdims=True)


def likely_domains(text: Texts) -> dict[str, np.ndarray]:
    """Return the columns that the text alone gives, float64 [n]."""
    of_each = domain_probabilities(text.bytes, text.bounds).T
    return {f"likely_{name}": own for name, own in zip(DOMAINS, of_each, strict=True)}


def _compute(inputs: Inputs) -> dict[str, np.ndarray]:
    likely = of_texts(likely_domains, inputs.tokenizer, inputs.tokens)
    return one_hot(inputs.domain) | likely


FAMILY = Family(
    "domain",
    (
        *declare("corpus", "none", [
            ("{domain}", "?", "Kinds of text differ in how much of them is boilerplate."),
        ], needs="domain"),
        *declare("text", "a logistic regression on counts of the bytes", [
            ("likely_code", "+", "Code repeats its idioms.", "Biderman et al. 2023"),
            ("likely_documentation", "?", "Reference text follows a pattern, page by page."),
            ("likely_licences", "+", "Licences are copied to the letter.", "Lee et al. 2022"),
            ("likely_prose", "-", "Prose can always be said in another way."),
            ("likely_tables", "-", "Entries of tables are arbitrary."),
        ]),
    ),
    _compute,
)  # fmt: skip
