"""What moves onset and loss, and when the units of the experiment are memorized."""

from __future__ import annotations

from memorization.report.numbers import MISSING, count, estimate, percent
from memorization.report.results import Results
from memorization.report.tables.arm import order, runs_of_arm
from memorization.report.tables.pipe import pipe_table

TRANSITIONS = {"first": "first onset", "again": "onset again", "loss": "loss"}
TERMS = {
    "seen": "exposures so far, doubled",
    "newly_seen": "exposures since the last checkpoint, doubled",
    "since_seen": "time since the last exposure, doubled",
    "after_5": "in the state for 5 to 8 checkpoints, against one",
    "after_17": "for 17 or more, against one",
}


def effects(results: Results) -> str:
    """Return the log-odds of each transition, in natural texts and in the experiment."""
    sides = {"natural texts": results.metrics["when"].get("effects") or {}}
    for name, arm in runs_of_arm(results).items():
        sides[f"experiment, {name}"] = arm["experiment"]["effects"]
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
    for name, arm in runs_of_arm(results).items():
        tested = arm["tested"].get("exposure_clock", {}).get("cells", {})
        onset = arm["timing"]["onset"]
        for cell in (cell for cell, _ in sorted(arm["cells"].items(), key=order) if cell in onset):
            of = onset[cell]
            expected = tested.get(cell, {}).get("ever", {}).get("expected")
            rows.append(
                [
                    name,
                    cell.replace("_", " "),
                    f"{count(of['ever'])} of {count(of['n'])}",
                    MISSING if expected is None else percent(expected),
                    MISSING if of["step"] is None else count(round(of["step"])),
                    MISSING if of["copies"] is None else count(round(of["copies"])),
                ]
            )
    columns = {"run": "<12", "cell": "<17", "ever memorized": ">14", "expected (%)": ">12"}
    columns |= {"median step": ">11", "copies by then": ">14"}
    return pipe_table(columns, rows or [["no lottery", *[MISSING] * 5]], once=True)


TABLES = {"effects": effects, "timing": timing}
