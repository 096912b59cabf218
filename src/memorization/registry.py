"""What a list in params.yaml names, looked up in the registry of what there is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeVar

from memorization.errors import UserError

Value = TypeVar("Value")


def named(registry: Mapping[str, Value], names: Iterable[str], parameter: str) -> dict[str, Value]:
    """Return name -> entry of the models of these names, in their order.

    Parameters
    ----------
    parameter : of params.yaml, that holds the names.

    Raises
    ------
    UserError
        If a name is unknown or comes twice.

    >>> named({"a": 1, "b": 2}, ["b"], "whether.models")
    {'b': 2}
    """
    found: dict[str, Value] = {}
    for name in names:
        if name not in registry:
            raise UserError(
                f"{parameter}: no model '{name}'; the models are: {', '.join(registry)}"
            )
        if name in found:
            raise UserError(f"{parameter}: '{name}' is listed twice; list it once")
        found[name] = registry[name]
    return found
