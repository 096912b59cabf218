"""What copies, and when they are seen, do by lottery."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from memorization.report.numbers import count, estimate, p_value, percent_estimate
from memorization.report.results import Results
from memorization.report.tables.pipe import pipe_table


def write(results: Results) -> str:
    """Return what became of the units of each cell: of this run, and of all seeds where they are.

    Of a schedule, the difference of log-probability from exact copies at random positions in the
    same blocks, with its p value after Holm.
    """
    own = results.metrics["arm"]
    if not own["done"]:
        return f"There was no lottery: {own['reason']}.\n"
    runs = runs_of_arm(results).items()
    rows = [row for name, found in runs for row in _rows(name, found)]
    columns = {"run": "<11", "cell": "<15", "copies": ">8", "units": ">7", "memorized": ">24"}
    columns |= {"ever": ">24", "log-probability": ">22", "difference": ">22", "p": ">7"}
    return pipe_table(columns, rows, once=True)


def runs_of_arm(results: Results) -> dict[str, Mapping[str, Any]]:
    """Return the arm of this run and, where they are, of all seeds, by name."""
    own, seeds = results.metrics["arm"], results.seeds
    found = {f"seed {results.params.seed}": own} if own["done"] else {}
    if found and seeds is not None and seeds["arm"] is not None:
        found[f"seeds {seeds['seeds'][0]} to {seeds['seeds'][-1]}"] = seeds["arm"]
    return found


def _rows(name: str, found: Mapping[str, Any]) -> list[list[str]]:
    rows = []
    for cell, of in sorted(found["cells"].items(), key=order):
        differs = found["contrasts"]["logprob"].get(cell)
        row = [name, of["schedule"].replace("_", " "), count(of["dose"]), count(of["n"])]
        row += [percent_estimate(of["memorized"]), percent_estimate(of["ever"])]
        row.append(estimate(of["logprob"], 2))
        row += [estimate(differs, 2), p_value(differs["p_holm"])] if differs else ["", ""]
        rows.append(row)
    return rows


def order(item: tuple[str, Mapping[str, Any]]) -> tuple[bool, int]:
    """Return by what the cells of a table are sorted: exact copies by dose, then schedules."""
    return item[1]["schedule"] != "random", item[1]["dose"]


TABLES = {"arm": write}
