"""What copies, and when they are seen, do by lottery, beside what moves onset and loss."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from memorization.report.results import Results
from memorization.report.tables.pipe import pipe_table
from memorization.report.wording import (
    MISSING,
    count,
    estimate,
    listed,
    p_value,
    percent,
    percent_estimate,
)

TRANSITIONS = {"first": "first onset", "again": "onset again", "loss": "loss"}
TERMS = {
    "seen": "exposures so far, doubled",
    "newly_seen": "exposures since the last checkpoint, doubled",
    "since_seen": "time since the last exposure, doubled",
    "after_5": "in the state for 5 to 8 checkpoints, against one",
    "after_17": "for 17 or more, against one",
}


def arm(results: Results) -> str:
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
        known = seeds["seeds"]
        is_row = known == list(range(known[0], known[-1] + 1))
        named = f"{known[0]} to {known[-1]}" if is_row else listed(list(map(str, known)))
        found[f"seeds {named}"] = seeds["arm"]
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


def effects(results: Results) -> str:
    """Return the log-odds of each transition, in natural texts and in the experiment."""
    sides = {"natural texts": results.metrics["when"].get("effects") or {}}
    for name, run in runs_of_arm(results).items():
        sides[f"experiment, {name}"] = run["experiment"]["effects"]
    rows = []
    for transition, title in TRANSITIONS.items():
        for term, text in TERMS.items():
            values = [
                side.get(transition, {}).get("log_odds", {}).get(term) for side in sides.values()
            ]
            if any(value is not None for value in values):
                shown = [estimate(value, 2) if value else MISSING for value in values]
                rows.append([title, text, *shown])
    columns = {"": "<12", "log-odds of": "<44"} | dict.fromkeys(sides, ">22")
    return pipe_table(columns, rows or [["not known", "", *[MISSING] * len(sides)]], once=True)


def timing(results: Results) -> str:
    """Return when units are first memorized by cell, beside what natural texts let expect."""
    rows = []
    for name, run in runs_of_arm(results).items():
        tested = run["tested"].get("exposure_clock", {}).get("cells", {})
        onset = run["timing"]["onset"]
        for cell in (cell for cell, _ in sorted(run["cells"].items(), key=order) if cell in onset):
            of = onset[cell]
            expected = tested.get(cell, {}).get("ever", {}).get("expected")
            rows.append(
                [
                    name,
                    cell.replace("_", " "),
                    f"{count(of['ever'])} of {count(of['n'])}",
                    percent(expected),
                    MISSING if of["step"] is None else count(round(of["step"])),
                    MISSING if of["copies"] is None else count(round(of["copies"])),
                ]
            )
    columns = {"run": "<12", "cell": "<17", "ever memorized": ">14", "expected (%)": ">12"}
    columns |= {"median step": ">11", "copies by then": ">14"}
    return pipe_table(columns, rows or [["no lottery", *[MISSING] * 5]], once=True)


TABLES = {"arm": arm, "effects": effects, "timing": timing}
