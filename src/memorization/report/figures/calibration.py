"""Does what is predicted with a probability happen with that probability?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from memorization.evaluation.bootstrap import Bootstrap
from memorization.evaluation.intervals import interval
from memorization.report.drawing import BLUE, GREY, REFERENCE
from memorization.report.results import Results
from memorization.report.wording import model_name

ALT = (
    "Small panels, one for each model, of the observed share memorized against the predicted "
    "probability, both on logarithmic axes, for groups of like predictions. Points on the "
    "diagonal are calibrated; vertical bars are intervals."
)

# Between these probabilities lie the groups. Tenths of the population would put nearly all of the
# memorized into the last, tenths of the expected events nearly all into groups of almost 1.
EDGES = (1e-4, 1e-3, 1e-2, 0.1, 0.5, 0.9)

# Least fractions of the logarithmic axes; what is below lies on them, hollow.
FLOOR = 3e-5


def grouped(
    probability: np.ndarray, truth: np.ndarray, weight: np.ndarray, bootstrap: Bootstrap
) -> pd.DataFrame:
    """Return predicted and observed fractions of the population, in groups of like prediction.

    One row a group that has any, from low to high. Columns: predicted (mean probability), observed
    (fraction memorized), low and high (of its interval, by the cluster bootstrap; NaN: none).

    Parameters
    ----------
    probability : float [n], out of fold.
    truth : bool [n]
    weight : float [n], population sequences that a row stands for.
    bootstrap : of the n rows.
    """
    # Numbered without gaps.
    group = np.unique(np.digitize(probability, EDGES), return_inverse=True)[1]
    member = np.eye(group.max() + 1)[group]

    def observed(weights: np.ndarray) -> np.ndarray:
        size = weights @ member
        nothing = np.full(size.shape, np.nan)
        return np.divide((weights * truth) @ member, size, out=nothing, where=size > 0)

    value = observed(weight)
    # The clusters that count are those of a group, and of its memorized sequences.
    effective = [bootstrap.take(rows).effective(weight[rows], truth[rows]) for rows in member.T > 0]
    low, high = interval(
        value, bootstrap.replicate(observed, weight), np.array(effective), bootstrap.level
    )
    predicted = (weight * probability) @ member / (weight @ member)
    return pd.DataFrame({"low": low, "high": high, "predicted": predicted, "observed": value})


def draw(results: Results) -> Figure:
    """Return observed against predicted fractions in groups, for every model of the highest tier.

    Memorized at the end, and memorized by the end for survival models; weighted to the population.
    """
    panels = []
    tier = results.fitted_tiers("whether")[-1]
    for model in results.fitted("whether", tier):
        predicted = results.probability(tier, model)
        found = grouped(predicted, results.memorized, results.weight, results.bootstrap)
        panels.append((f"whether: {model_name(model)}", found))
    if results.when_done:
        tier = results.fitted_tiers("when")[-1]
        for model in results.fitted("when", tier):
            found = grouped(
                results.risk_by_end(tier, model),
                results.targets.event,
                results.when_weight,
                results.when_bootstrap,
            )
            panels.append((f"when: {model_name(model)}", found))
    columns = min(3, len(panels))
    rows = -(-len(panels) // columns)
    figure = Figure(figsize=(6.5, 0.35 + 2.05 * rows))
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    for axes, (title, found) in zip(grid.flat[: len(panels)], panels, strict=True):
        _draw_panel(axes, found)
        axes.set_title(title)
    for axes in grid.flat[len(panels) :]:
        axes.set_visible(False)
    figure.supxlabel("predicted fraction memorized", fontsize=8.5)
    figure.supylabel("observed fraction", fontsize=8.5)
    return figure


def _draw_panel(axes: Axes, found: pd.DataFrame) -> None:
    axes.plot([FLOOR, 1], [FLOOR, 1], color=GREY, linewidth=0.8, linestyle=REFERENCE)
    shown = found.clip(lower=FLOOR)
    bounded = found["low"] < found["high"]
    x, low, high = (shown[bounded][name] for name in ("predicted", "low", "high"))
    axes.vlines(x, low, high, color=BLUE, linewidth=1)
    outside = (found[["predicted", "observed"]] < FLOOR).any(axis=1)
    # An interval that goes on below the axis ends in an arrow.
    arrows = shown[bounded & (found["low"] < FLOOR)].assign(observed=FLOOR)
    points = ((arrows, 7, BLUE), (shown[outside], "o", "white"), (shown[~outside], "o", BLUE))
    style: dict[str, Any] = {
        "color": BLUE,
        "linestyle": "none",
        "markersize": 4,
        "clip_on": False,
        "zorder": 3,
    }
    for rows, marker, fill in points:
        # Marks of no points, not being clipped, would take room at the figure's corner.
        if len(rows):
            x, y = rows["predicted"], rows["observed"]
            axes.plot(x, y, marker=marker, markerfacecolor=fill, **style)
    axes.set(xscale="log", yscale="log", ylim=(FLOOR, 1.05), xlim=(FLOOR, 1.05))
    axes.minorticks_off()
