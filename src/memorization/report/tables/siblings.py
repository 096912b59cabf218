"""How well does each smaller model predict each larger one?"""

from __future__ import annotations

from typing import Any

from memorization.report.names import METRICS
from memorization.report.numbers import decimal, percent
from memorization.report.results import Results
from memorization.report.tables.pipe import pipe_table
from memorization.siblings import published

COLUMNS = ("precision", "recall", "f1")


def write(results: Results) -> str:
    """Return exact scores of every pair over the whole population, for the target first.

    Accuracy is beside that of always saying no. For Pythia-12B, precision and recall over the
    sequences that Biderman et al. (2023) evaluated stand beside what they report.
    """
    found = results.metrics["siblings"]
    compare = found["target"] == published.TARGET
    targets = sorted(found["pairs"], key=found["compute"].__getitem__, reverse=True)
    targets.sort(key=lambda model: model != found["target"])
    rows = []
    for target in targets:
        pairs = found["pairs"][target]
        for place, predictor in enumerate(sorted(pairs, key=found["compute"].__getitem__)):
            row = _row(found, target, predictor)
            row[0] = target if place == 0 else ""
            if compare:
                row += _compared(found, target, predictor)
            rows.append(row)
    header = ["of", "memorized if by", "compute", *(METRICS[name] for name in COLUMNS)]
    header += ["accuracy", "always no"]
    widths = "<14 <16 >10 >10 >10 >10 >10 >10"
    if compare:
        header += ["P, R where they looked", f"P, R in {published.CITATION}"]
        widths += " >16 >16"
    return pipe_table(header, rows, widths)


def _row(found: dict[str, Any], target: str, predictor: str) -> list[str]:
    scores = found["pairs"][target][predictor]
    memorized = scores["true_positive"] + scores["false_negative"]
    return [
        target,
        predictor,
        percent(found["compute"][predictor] / found["compute"][target]),
        *(decimal(scores[name]) for name in COLUMNS),
        decimal(scores["accuracy"], 4),
        decimal(1 - memorized / found["population"], 4),
    ]


def _compared(found: dict[str, Any], target: str, predictor: str) -> list[str]:
    if target != published.TARGET or predictor not in published.SMALLER_MODELS:
        return ["", ""]
    own = (found["evaluated_pairs"] or {}).get(predictor)
    values = (own["precision"], own["recall"]) if own else ()
    return [
        ", ".join(decimal(value) for value in pair)
        for pair in (values, published.SMALLER_MODELS[predictor])
    ]
