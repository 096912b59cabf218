"""What kind of text the sequence is: where in the corpus it comes from, and what it looks like.

The corpus may name the domain of a sequence; the Pile after tokenization does not, and then there
is no such column. What the text alone says, the probability of each domain, is always there.
"""

from __future__ import annotations

import re

import numpy as np

from memorization.errors import UserError
from memorization.features.domain_classifier import DOMAINS, domain_probabilities
from memorization.features.family import Direction, Family, Feature, Inputs
from memorization.features.text import TokenTable, in_chunks, texts, token_bytes


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


def _compute(inputs: Inputs) -> dict[str, np.ndarray]:
    table = TokenTable.of(token_bytes(inputs.tokenizer))

    def likely(tokens: np.ndarray) -> dict[str, np.ndarray]:
        text = texts(table, tokens)
        of_each = domain_probabilities(text.bytes, text.bounds).T
        return {f"likely_{name}": own for name, own in zip(DOMAINS, of_each, strict=True)}

    return one_hot(inputs.domain) | in_chunks(likely, inputs.tokens)


def _likely(name: str, hypothesis: str, direction: Direction, source: str = "this work") -> Feature:
    cost = "a logistic regression on counts of the bytes"
    return Feature(f"likely_{name}", "text", hypothesis, direction, source, cost)


FAMILY = Family(
    "domain",
    (
        Feature(
            "{domain}",
            "corpus",
            "Kinds of text differ in how much of them is boilerplate.",
            "?",
            "this work",
            "none",
            needs="domain",
        ),
        _likely("code", "Code repeats its idioms.", "+", "Biderman et al. 2023"),
        _likely("documentation", "Reference text follows a pattern, page by page.", "?"),
        _likely("licences", "Licences are copied to the letter.", "+", "Lee et al. 2022"),
        _likely("prose", "Prose can always be said in another way.", "-"),
        _likely("tables", "Entries of tables are arbitrary.", "-"),
    ),
    _compute,
)
