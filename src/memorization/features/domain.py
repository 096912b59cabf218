"""Where in the corpus the sequence comes from, one column a domain."""

from __future__ import annotations

import re

import numpy as np

from memorization.errors import UserError
from memorization.features.family import Family, Feature, Inputs


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
    return one_hot(inputs.domain)


FAMILY = Family(
    "domain",
    (
        Feature(
            "{domain}",
            "corpus",
            "Code, licences and lists are memorized more than prose.",
            "?",
            "this work",
        ),
    ),
    _compute,
)
