"""Does what is predicted with a probability happen with that probability?"""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from memorization.metrics.bootstrap import interval, replicate
from memorization.report.names import model_name
from memorization.report.results import Results
from memorization.report.style import BLUE, GREY

# Between these probabilities lie the groups. Tenths of the population would put nearly all of the
# memorized into the last, tenths of the expected events nearly all into groups of almost 1.
EDGES = (1e-4, 1e-3, 1e-2, 0.1, 0.5, 0.9)

# Bottom of the logarithmic axes.
FLOOR = 3e-5


def group_of(probability: np.ndarray) -> np.ndarray:
    """Return the group of each probability, int [n], numbered without gaps from low to high.

    >>> group_of(np.array([0.95, 0.00005, 0.2, 0.3])).tolist()
    [2, 0, 1, 1]
    """
    return np.unique(np.digitize(probability, EDGES), return_inverse=True)[1]


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
        _draw_panel(axes, results, probability, truth)
        axes.set_title(title)
    for axes in grid.flat[len(panels) :]:
        axes.set_visible(False)
    figure.supxlabel("predicted fraction memorized", fontsize=8.5)
    figure.supylabel("observed fraction", fontsize=8.5)
    return figure


def _draw_panel(axes: Axes, results: Results, probability: np.ndarray, truth: np.ndarray) -> None:
    weight = results.sample["weight"].to_numpy()
    group = group_of(probability)
    member = np.eye(group.max() + 1)[group]

    def observed(hit: np.ndarray, _: None, weights: np.ndarray) -> np.ndarray:
        size = weights @ member
        return np.divide(
            (weights * hit) @ member, size, out=np.full(size.shape, np.nan), where=size > 0
        )

    predicted = (weight * probability) @ member / (weight @ member)
    replicates = replicate(observed, truth, None, weight, results.drawn)
    level = results.params.bootstrap.level
    low, high = np.array([interval(values, level) for values in replicates.T]).T
    value = observed(truth, None, weight)
    axes.plot([FLOOR, 1], [FLOOR, 1], color=GREY, linewidth=0.8, linestyle=(0, (4, 3)))
    predicted = np.maximum(predicted, FLOOR)
    axes.vlines(predicted, np.maximum(low, FLOOR), np.maximum(high, FLOOR), color=BLUE, linewidth=1)
    # What is below the axis lies on it, hollow.
    for below, fill in ((value <= FLOOR, "white"), (value > FLOOR, BLUE)):
        # Marks of no points, not being clipped, would take room at the figure's corner.
        if not below.any():
            continue
        heights = np.maximum(value[below], FLOOR)
        axes.plot(
            predicted[below],
            heights,
            "o",
            color=BLUE,
            markerfacecolor=fill,
            markersize=4,
            clip_on=False,
            zorder=3,
        )
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_ylim(FLOOR, 1.05)
    axes.set_xlim(FLOOR, 1.05)
