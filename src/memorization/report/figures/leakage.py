"""What does a split buy that lets the same text into training and test?"""

from __future__ import annotations

from matplotlib.figure import Figure

from memorization.report.forest_plot import draw_estimate, mark_value, panels, rows_of
from memorization.report.results import Results
from memorization.report.style import BLUE, VERMILION

SCHEMES = {
    "fold_random": ("random folds", VERMILION, "o", -0.17),
    "fold_continuation": ("folds by continuation", BLUE, "s", 0.17),
}


def draw(results: Results) -> Figure:
    """Return the gain of each leaky split over the split by clusters, by tier and model."""
    leaky = results.metrics["whether"]["leakage"]
    rows = rows_of(results, "whether", baselines=False)
    figure, axes = panels(rows, ["average precision gained", "AUROC gained"])
    for panel, metric in zip(axes, ("average_precision_gain", "auroc_gain"), strict=True):
        mark_value(panel, 0, "split by clusters")
        for scheme, (_, colour, marker, shift) in SCHEMES.items():
            for place, row in enumerate(rows):
                if row.model is not None:
                    found = leaky[scheme][row.tier][row.model][metric]
                    draw_estimate(panel, place + shift, found, colour, marker)
    for label, colour, marker, _ in SCHEMES.values():
        fill = "white" if marker == "s" else colour
        axes[0].plot([], [], marker + "-", color=colour, markerfacecolor=fill, label=label)
    figure.legend(loc="outside upper right", ncols=len(SCHEMES))
    return figure
