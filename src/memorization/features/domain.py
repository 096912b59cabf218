"""What kind of text the sequence is, where the corpus says so.

The corpus may name the domain of a sequence; the Pile after tokenization does not, and then there
is no column.
"""

from __future__ import annotations

import re

import numpy as np

from memorization.errors import UserError
from memorization.features.family import Family, Inputs, declare


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


def _compute(inputs: Inputs) -> dict[str, np.ndarray]:
    return one_hot(inputs.domain)


FAMILY = Family(
    "domain",
    declare("corpus", "none", [
        ("{domain}", "?", "Kinds of text differ in how much of them is boilerplate."),
    ], needs="domain"),
    _compute,
)  # fmt: skip
