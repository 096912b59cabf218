"""How well does each smaller model predict each larger one?"""

from __future__ import annotations

from typing import Any

from memorization.report.names import METRICS
from memorization.report.numbers import decimal, percent
from memorization.report.results import Results
from memorization.report.tables.pipe import pipe_table
from memorization.siblings import published

SCORES = ("precision", "recall", "f1")


def write(results: Results) -> str:
    """Return exact scores of every pair over the whole population, for the target first.

    Accuracy is beside that of always saying no. For Pythia-12B, precision and recall over the
    sequences that Biderman et al. (2023) evaluated stand beside what they report.
    """
    found = results.metrics["siblings"]
    compare, compute = found["target"] == published.TARGET, found["compute"]
    targets = sorted(found["pairs"], key=compute.__getitem__, reverse=True)
    targets.sort(key=lambda model: model != found["target"])
    rows = []
    for target in targets:
        pairs = found["pairs"][target]
        for predictor in sorted(pairs, key=compute.__getitem__):
            scores = pairs[predictor]
            memorized = scores["true_positive"] + scores["false_negative"]
            row = [target, predictor, percent(compute[predictor] / compute[target])]
            row += [decimal(scores[name]) for name in SCORES]
            always_no = 1 - memorized / found["population"]
            row += [decimal(scores["accuracy"], 4), decimal(always_no, 4)]
            rows.append(row + (_compared(found, target, predictor) if compare else []))
    columns = {"of": "<14", "memorized if by": "<16", "compute": ">10"}
    columns |= dict.fromkeys([*(METRICS[name] for name in SCORES), "accuracy", "always no"], ">10")
    if compare:
        columns |= {"P, R where they looked": ">16", f"P, R in {published.CITATION}": ">16"}
    return pipe_table(columns, rows, once=True)


def _compared(found: dict[str, Any], target: str, predictor: str) -> list[str]:
    if target != published.TARGET or predictor not in published.SMALLER_MODELS:
        return ["", ""]
    own = (found["evaluated_pairs"] or {}).get(predictor)
    values = (own["precision"], own["recall"]) if own else ()
    pairs = (values, published.SMALLER_MODELS[predictor])
    return [", ".join(decimal(value) for value in pair) for pair in pairs]


TABLES = {"siblings": write}
