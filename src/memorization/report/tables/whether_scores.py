"""How well it is predicted whether a sequence is memorized."""

from __future__ import annotations

from memorization.report.names import METRICS, model_name
from memorization.report.numbers import estimate
from memorization.report.results import Results
from memorization.report.tables.pipe import pipe_table

COLUMNS = ("auroc", "average_precision", "precision", "recall", "f1")


def write(results: Results) -> str:
    """Return the scores of every model and baseline by tier, with intervals."""
    scores = results.metrics["whether"]
    rows = []
    for tier in results.tiers("whether"):
        for place, model in enumerate(results.models("whether", tier)):
            cells = [estimate(scores[tier][model][metric], 2) for metric in COLUMNS]
            rows.append([tier if place == 0 else "", model_name(model), *cells])
    header = ["tier", "model", *(METRICS[metric] for metric in COLUMNS)]
    return pipe_table(header, rows, "<10 <18 >13 >13 >13 >13 >13")
