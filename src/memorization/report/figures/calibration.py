"""Does what is predicted with a probability happen with that probability?"""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from memorization.report.calibration_groups import GroupedFractions, grouped
from memorization.report.names import model_name
from memorization.report.results import Results
from memorization.report.style import BLUE, GREY

# Least fractions of the logarithmic axes; what is below lies on them, hollow.
FLOOR = 3e-5


def draw(results: Results) -> Figure:
    """Return observed against predicted fractions in groups, for every model of the highest tier.

    Memorized at the end, and memorized by the end for survival models; weighted to the population.
    """
    panels = []
    tier = results.top_tier("whether")
    memorized = results.sample["memorized"].to_numpy(dtype=bool)
    for model in results.fitted("whether", tier):
        predicted = results.probability(tier, model)
        panels.append((f"whether: {model_name(model)}", predicted, memorized))
    # None, where the question could not be asked.
    tier = results.top_tier("when") if results.when_done else ""
    for model in results.fitted("when", tier) if tier else []:
        predicted = 1 - results.survival(tier, model)[:, -1].astype(np.float64)
        panels.append((f"when: {model_name(model)}", predicted, results.targets.event))
    columns = min(3, len(panels))
    rows = -(-len(panels) // columns)
    figure = Figure(figsize=(6.5, 0.35 + 2.05 * rows))
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    for axes, (title, probability, truth) in zip(grid.flat, panels, strict=False):
        _draw_panel(axes, grouped(results, probability, truth))
        axes.set_title(title)
    for axes in grid.flat[len(panels) :]:
        axes.set_visible(False)
    figure.supxlabel("predicted fraction memorized", fontsize=8.5)
    figure.supylabel("observed fraction", fontsize=8.5)
    return figure


def _draw_panel(axes: Axes, found: GroupedFractions) -> None:
    axes.plot([FLOOR, 1], [FLOOR, 1], color=GREY, linewidth=0.8, linestyle=(0, (4, 3)))
    x, y = np.maximum(found.predicted, FLOOR), np.maximum(found.observed, FLOOR)
    drawn = found.low < found.high
    axes.vlines(
        x[drawn],
        np.maximum(found.low, FLOOR)[drawn],
        np.maximum(found.high, FLOOR)[drawn],
        color=BLUE,
        linewidth=1,
    )
    # An interval that goes on below the axis ends in an arrow.
    _draw_marks(axes, x, np.full(len(x), FLOOR), drawn & (found.low < FLOOR), 7, BLUE)
    outside = (found.predicted < FLOOR) | (found.observed < FLOOR)
    for rows, fill in ((outside, "white"), (~outside, BLUE)):
        _draw_marks(axes, x, y, rows, "o", fill)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_ylim(FLOOR, 1.05)
    axes.set_xlim(FLOOR, 1.05)


def _draw_marks(
    axes: Axes, x: np.ndarray, y: np.ndarray, rows: np.ndarray, marker: str | int, fill: str
) -> None:
    # Marks of no points, not being clipped, would take room at the figure's corner.
    if rows.any():
        axes.plot(
            x[rows],
            y[rows],
            marker=marker,
            linestyle="none",
            color=BLUE,
            markerfacecolor=fill,
            markersize=4,
            clip_on=False,
            zorder=3,
        )
