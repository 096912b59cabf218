"""The tables of the paper, ``paper/tables/NAME.md``.

A new one is a module here with its tables by name in ``TABLES``, and a line below.
"""
# ruff: noqa: F401 - the imports are the list.

from __future__ import annotations

from collections.abc import Callable

from memorization.report.results import Results
from memorization.report.tables import (
    arm,
    families,
    features,
    sample,
    scores,
    seeds,
)

TABLES: dict[str, Callable[[Results], str]] = {
    name: write
    for module in list(globals().values())
    for name, write in getattr(module, "TABLES", {}).items()
}
