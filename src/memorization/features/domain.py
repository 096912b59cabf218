"""What kind of text the sequence is: where in the corpus it comes from, and what it looks like.

The corpus may name the domain of a sequence; the Pile after tokenization does not, and then there
is no such column. What the text alone says, the probability of each domain, is always there.
"""

from __future__ import annotations

import re

import numpy as np

from memorization.errors import UserError
from memorization.features.domain_classifier import DOMAINS, domain_probabilities
from memorization.features.family import Family, Inputs, declare
from memorization.features.text import Texts, of_texts


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
    def likely(text: Texts) -> dict[str, np.ndarray]:
        of_each = domain_probabilities(text.bytes, text.bounds).T
        return {f"likely_{name}": own for name, own in zip(DOMAINS, of_each, strict=True)}

    return one_hot(inputs.domain) | of_texts(likely, inputs.tokenizer, inputs.tokens)


FAMILY = Family(
    "domain",
    (
        *declare(
            "corpus",
            "none",
            ("{domain}", "?", "Kinds of text differ in how much of them is boilerplate."),
            needs="domain",
        ),
        *declare(
            "text",
            "a logistic regression on counts of the bytes",
            ("likely_code", "+", "Code repeats its idioms.", "Biderman et al. 2023"),
            ("likely_documentation", "?", "Reference text follows a pattern, page by page."),
            ("likely_licences", "+", "Licences are copied to the letter.", "Lee et al. 2022"),
            ("likely_prose", "-", "Prose can always be said in another way."),
            ("likely_tables", "-", "Entries of tables are arbitrary."),
        ),
    ),
    _compute,
)
