"""How well it is predicted when a sequence is memorized."""

from __future__ import annotations

from memorization.report.names import METRICS, model_name
from memorization.report.numbers import MISSING, estimate
from memorization.report.results import Results
from memorization.report.tables.pipe import pipe_table

# With the decimals that each is given to.
COLUMNS = {
    "concordance": 2,
    "concordance_memorized": 2,
    "brier_skill": 2,
    "absolute_error_steps": 0,
}


def write(results: Results) -> str:
    """Return the scores of every survival model by tier, with intervals."""
    scores = results.metrics["when"]
    rows = []
    if not results.when_done:
        rows = [["", f"not answered: {scores['reason']}", *[MISSING] * len(COLUMNS)]]
    for tier in results.tiers("when"):
        for place, model in enumerate(results.models("when", tier)):
            found = scores[tier][model]
            cells = [estimate(found.get(metric), digits) for metric, digits in COLUMNS.items()]
            rows.append([tier if place == 0 else "", model_name(model), *cells])
    header = ["tier", "model", *(METRICS[metric] for metric in COLUMNS)]
    return pipe_table(header, rows, "<10 <24 >14 >14 >14 >16")
