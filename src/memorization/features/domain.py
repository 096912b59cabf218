"""What kind of text the sequence is: where in the corpus it comes from, and what it looks like.

The corpus names the domain of a sequence, or, like the Pile after tokenization, it does not; then
the domain is the likeliest by the text itself, and every such domain has a column even if it is
empty. What the text alone says, the probability of each, has columns of its own in any case.
"""

from __future__ import annotations

import re

import numpy as np

from memorization.errors import UserError
from memorization.features.domain_classifier import DOMAINS, domain_probabilities
from memorization.features.family import Direction, Family, Feature, Inputs
from memorization.features.text import in_chunks, texts, token_bytes


def one_hot(domain: np.ndarray) -> dict[str, np.ndarray]:
    """Return one 0/1 column a domain, ordered by name; a sequence of no domain is 0 in all.

    Characters that a column's name may not hold become underscores.

    >>> {name: column.tolist() for name, column in one_hot(np.array(["b c", None, "a"])).items()}
    {'a': [0.0, 0.0, 1.0], 'b_c': [1.0, 0.0, 0.0]}

    Parameters
    ----------
    domain : object [n], name or None.

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


def completed(domain: np.ndarray, likely: np.ndarray) -> dict[str, np.ndarray]:
    """Return one 0/1 column a domain; where none is known, the likeliest by the text counts.

    >>> columns = completed(np.array(["law", None], dtype=object), np.eye(5)[[0, 3]])
    >>> {name: column.tolist() for name, column in columns.items() if column.any()}
    {'law': [1.0, 0.0], 'prose': [0.0, 1.0]}

    Parameters
    ----------
    domain : object [n], name or None.
    likely : float64 [n, 5], probabilities of ``domain_classifier.DOMAINS``.

    Raises
    ------
    UserError
        If two domains would have the same column.
    """
    unknown = np.array([name is None for name in domain], dtype=bool)
    if not unknown.any():
        return one_hot(domain)
    guess = np.array(DOMAINS, dtype=object)[likely.argmax(axis=1)]
    columns = one_hot(np.where(unknown, guess, domain))
    # Which columns there are must not depend on which domains happen to be guessed.
    empty = {name: np.zeros(len(domain)) for name in DOMAINS}
    return dict(sorted((empty | columns).items()))


def _compute(inputs: Inputs) -> dict[str, np.ndarray]:
    table = token_bytes(inputs.tokenizer)

    def likely(tokens: np.ndarray) -> dict[str, np.ndarray]:
        text = texts(table, tokens)
        return dict(zip(DOMAINS, domain_probabilities(text.bytes, text.bounds).T, strict=True))

    found = in_chunks(likely, inputs.tokens)
    named = {f"likely_{name}": values for name, values in found.items()}
    return completed(inputs.domain, np.stack(list(found.values()), axis=1)) | named


def _likely(name: str, hypothesis: str, direction: Direction, source: str = "this work") -> Feature:
    cost = "a logistic regression on counts of the bytes"
    return Feature(f"likely_{name}", "text", hypothesis, direction, source, cost)


FAMILY = Family(
    "domain",
    (
        Feature(
            "{domain}",
            "corpus",
            "Code, licences and lists are memorized more than prose.",
            "?",
            "this work",
            "none where the corpus names it",
        ),
        _likely("code", "Code repeats its idioms.", "+", "Biderman et al. 2023"),
        _likely("documentation", "Reference text follows a pattern, page by page.", "?"),
        _likely("licences", "Licences are copied to the letter.", "+", "Lee et al. 2022"),
        _likely("prose", "Prose can always be said in another way.", "-"),
        _likely("tables", "Entries of tables are arbitrary.", "-"),
    ),
    _compute,
)
