"""The models, and how much each memorizes."""

from __future__ import annotations

from memorization.report.numbers import count, percent
from memorization.report.results import Results
from memorization.report.tables.pipe import pipe_table


def write(results: Results) -> str:
    """Return the models of the suite with exact counts over the whole population."""
    labels = results.metrics["labels"]
    rows = []
    for described in results.suite.manifest["models"]:
        model, shape = described["name"], described["shape"]
        memorized = labels["memorized_by_model"][model]
        rows.append(
            [
                f"{model}{' (target)' if model == labels['target'] else ''}",
                count(results.suite.parameters[model]),
                str(shape["layers"]),
                str(shape["hidden"]),
                str(shape["heads"]),
                count(memorized),
                percent(memorized / labels["population"]),
            ]
        )
    header = ["model", "parameters", "layers", "width", "heads", "memorized", "share"]
    return pipe_table(header, rows, "<22 >12 >8 >8 >8 >11 >9")
