"""What is found of a predictor, for a reader and for a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from memorization.files import write_metrics
from memorization.report.names import METRICS
from memorization.report.numbers import count, decimal, percent

ORDER = ("accuracy", "precision", "recall", "f1", "auroc", "average_precision")


@dataclass(frozen=True)
class Evaluation:
    """How well a predictor tells what a target has memorized, over the population.

    Attributes
    ----------
    target : the model.
    population : number of sequences that it was trained on.
    memorized : how many of them it has memorized at the end.
    exact : whether the predictor was asked of all of them, and not of a weighted sample.
    sequences : how many it was asked of.
    thresholds : from which on a score means yes; one a fold where they were chosen here, one in all
        where it was given, none for a predictor that decides by itself.
    given : whether the threshold was given.
    outcomes : true_positive, false_positive, false_negative, true_negative -> sequences of the
        population; estimates where not exact.
    metrics : accuracy, precision, recall, f1, and of scores auroc and average_precision ->
        ``{"value", "low", "high"}``; a value is None where undefined, low and high where there is
        no interval.
    level : coverage of the intervals.
    """

    target: str
    population: int
    memorized: int
    exact: bool
    sequences: int
    thresholds: tuple[float, ...]
    given: bool
    outcomes: Mapping[str, float]
    metrics: Mapping[str, Mapping[str, float | None]]
    level: float

    def to_dict(self) -> dict[str, Any]:
        """Return all of it as plain values, as in the JSON file."""
        return {
            "target": self.target,
            "population": self.population,
            "memorized": self.memorized,
            "evaluated_on": "population" if self.exact else "sample",
            "sequences": self.sequences,
            "thresholds": list(self.thresholds),
            "threshold_given": self.given,
            "outcomes": dict(self.outcomes),
            "metrics": {name: dict(found) for name, found in self.metrics.items()},
            "level": None if self.exact else self.level,
        }

    def write(self, path: str | Path) -> None:
        """Write it as JSON: six significant digits, undefined values as null."""
        write_metrics(self.to_dict(), path)

    def __str__(self) -> str:
        """Return a table for a terminal."""
        return "\n".join([*self._heading(), "", *self._lines(), "", *self._notes()])

    def _heading(self) -> list[str]:
        share = percent(self.memorized / self.population)
        asked = (
            "asked of all of them: exact, without intervals"
            if self.exact
            else f"asked of a sample of {count(self.sequences)}, weighted to the population"
        )
        return [
            f"target      {self.target}",
            f"population  {count(self.population)} sequences, {count(self.memorized)} of them "
            f"memorized ({share})",
            f"predictor   {asked}",
        ]

    def _lines(self) -> list[str]:
        names = [name for name in ORDER if name in self.metrics]
        intervals = any(self.metrics[name]["low"] is not None for name in names)
        head = f"{'':18}  value" + (f"   {self.level:.0%} interval" if intervals else "")
        lines = [head]
        for name in names:
            found = self.metrics[name]
            line = f"{METRICS.get(name, name):18}  {decimal(found['value']):>5}"
            if found["low"] is not None:
                line += f"   {decimal(found['low'])}–{decimal(found['high'])}"
            lines.append(line)
        return lines

    def _notes(self) -> list[str]:
        hits, false_alarms = self.outcomes["true_positive"], self.outcomes["false_positive"]
        missed = self.outcomes["false_negative"]
        notes = [
            f"found {count(hits)} memorized, missed {count(missed)}, with {count(false_alarms)} "
            "false alarms" + ("" if self.exact else " (estimates)"),
            f"always saying no: accuracy {decimal(1 - self.memorized / self.population)}",
        ]
        if self.thresholds:
            listed = ", ".join(f"{threshold:.6g}" for threshold in self.thresholds)
            how = "given" if self.given else "highest F1 on the other folds, a fold each"
            notes.append(f"yes from a score of {listed} on ({how})")
        return notes
