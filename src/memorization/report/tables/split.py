"""What each way of folding leaves exposed."""

from __future__ import annotations

from memorization.report.numbers import count
from memorization.report.results import Results
from memorization.report.tables.pipe import pipe_table

SCHEMES = {
    "fold": "by clusters",
    "fold_continuation": "by identical continuations",
    "fold_random": "at random",
}


def write(results: Results) -> str:
    """Return sizes of the folds, and rows that share a window with another fold, by scheme."""
    split = results.metrics["split"]
    rows = []
    for scheme, name in SCHEMES.items():
        found = split[scheme]
        rows.append(
            [
                name,
                f"{count(found['smallest'])}–{count(found['largest'])}",
                f"{count(found['fewest_cases'])}–{count(found['most_cases'])}",
                f"{count(found['exposed'])} of {count(split['rows'])}",
                f"{count(found['exposed_cases'])} of {count(split['cases'])}",
            ]
        )
    header = ["folds", "rows a fold", "memorized a fold", "exposed rows", "exposed memorized"]
    return pipe_table(header, rows, "<26 >12 >16 >16 >18")
