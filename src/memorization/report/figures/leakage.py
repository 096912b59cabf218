"""What does a split buy that lets the same text into training and test?"""

from __future__ import annotations

from matplotlib.figure import Figure

from memorization.report.drawing import (
    BLUE,
    VERMILION,
    Look,
    draw_estimate,
    mark_value,
    panels,
    rows_of,
)
from memorization.report.results import Results

ALT = (
    "What folds that let the same text into training and test add to the scores over folds by "
    "clusters, a row for each model: average precision on the left, AUROC on the right. Circles "
    "are random folds, squares folds by continuation, bars intervals, and the line at zero is "
    "the split by clusters."
)

# How each is called and looks, and by how much it is moved from the middle of its row.
SCHEMES = {
    "fold_random": ("random folds", Look(VERMILION, "o", "-"), -0.17),
    "fold_continuation": ("folds by continuation", Look(BLUE, "s", "-"), 0.17),
}


def draw(results: Results) -> Figure:
    """Return the gain of each leaky split over the split by clusters, by tier and model.

    Only where it was measured: of models of features, at the lowest and the highest tier.
    """
    leaky = results.metrics["whether"]["leakage"]
    measured = leaky["fold_random"]
    rows = [
        row
        for row in rows_of(results, "whether", baselines=False)
        if row.tier in measured and (row.model is None or row.model in measured[row.tier])
    ]
    figure, axes = panels(rows, ["average precision gained", "AUROC gained"])
    for panel, metric in zip(axes, ("average_precision_gain", "auroc_gain"), strict=True):
        mark_value(panel, 0, "split by clusters")
        for scheme, (_, look, shift) in SCHEMES.items():
            for place, row in enumerate(rows):
                if row.model is not None:
                    found = leaky[scheme][row.tier][row.model][metric]
                    draw_estimate(panel, place + shift, found, look)
    for label, look, _ in SCHEMES.values():
        axes[0].plot([], [], look.marker + "-", label=label, **look.style)
    figure.legend(loc="outside upper right", ncols=len(SCHEMES))
    return figure
