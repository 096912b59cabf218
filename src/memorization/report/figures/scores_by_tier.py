"""How well is it predicted whether a sequence is memorized, by what must be known to predict it?"""

from __future__ import annotations

from matplotlib.figure import Figure

from memorization.report.forest_plot import draw_estimates, panels, rows_of
from memorization.report.results import Results


def draw(results: Results) -> Figure:
    """Return average precision and AUROC with intervals of every model and baseline, by tier."""
    scores = results.metrics["whether"]
    rows = rows_of(results, "whether")
    figure, axes = panels(rows, ["average precision", "AUROC within folds"])
    for panel, metric in zip(axes, ("average_precision", "auroc"), strict=True):
        draw_estimates(panel, rows, lambda row, m=metric: scores[row.tier][row.model][m])  # type: ignore[misc]
    axes[0].set_xlim(0, 1)
    axes[1].set_xlim(right=1)
    return figure
