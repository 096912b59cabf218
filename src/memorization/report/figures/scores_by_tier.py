"""How well is it predicted whether a sequence is memorized, by what must be known to predict it?"""

from __future__ import annotations

from dataclasses import replace

from matplotlib.figure import Figure

from memorization.report.drawing import draw_estimates, mark_value, panels, rows_of
from memorization.report.results import Results
from memorization.report.wording import model_name

ALT = (
    "A row for each model, grouped by what must be known: on the left its average precision, on "
    "the right what it gains over one count alone. Filled circles are fitted models, hollow "
    "squares baselines, bars intervals."
)

# Baselines that know one count, the one that ranks best first.
COUNTS = ("continuation_count", "duplicate_count")


def draw(results: Results) -> Figure:
    """Return average precision with intervals of every model and baseline, by tier; beside it, what
    models gain over the best that one count gives.
    """
    scores, metric = results.metrics["whether"], "average_precision"
    rows = rows_of(results, "whether")
    counted = next((name for name in COUNTS if results.baseline("whether", name)), None)
    labels = ["average precision"]
    if counted is not None:
        labels.append(f"gain over the {model_name(counted)}")
    figure, axes = panels(rows, labels)
    draw_estimates(axes[0], rows, lambda row: scores[row.tier][row.model][metric])
    axes[0].set_xlim(0, 1)
    if counted is not None:
        gains = scores["gains"]["over_baseline"]
        draw_estimates(
            axes[1],
            [row if not row.baseline else replace(row, model=None) for row in rows],
            lambda row: gains[row.tier][row.model].get(counted, {}).get(metric),
        )
        mark_value(axes[1], 0, "")
    return figure
