"""Recite, reconstruct, recollect: what is memorized, by the kind that it would be."""

from __future__ import annotations

from memorization.report.numbers import MISSING, count, estimate
from memorization.report.results import Results
from memorization.report.tables.pipe import pipe_table

COLUMNS = ("share", "memorized", "of_memorized")


def write(results: Results) -> str:
    """Return the classes of the taxonomy, with intervals."""
    rows = [
        [name, count(of["n"]), count(of["cases"]), *(estimate(of[key], 3) for key in COLUMNS)]
        for name, of in results.metrics["association"]["kinds"].items()
    ]
    header = ["kind", "sampled", "memorized", "of the population", "memorized of it"]
    header += ["of the memorized"]
    return pipe_table(header, rows or [[MISSING] * 6], "<16 >9 >11 >22 >22 >22")
