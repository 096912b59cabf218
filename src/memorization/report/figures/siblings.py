"""What does a smaller model's memory tell of the target's, and what does it cost?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from memorization.report.drawing import BLACK, BLUE, GREY, label
from memorization.report.results import Results
from memorization.siblings import published

ALT = (
    "Precision on the left and recall on the right, against the compute of the predictor on a "
    "logarithmic axis. Filled circles take what a smaller model has memorized as the prediction; "
    "hollow squares with a band take an earlier checkpoint of the target itself."
)

PANELS = ("precision", "recall")


def draw(results: Results) -> Figure:
    """Return precision and recall of cheap predictors against their pre-training compute.

    Filled circles: memorized if the smaller model has it; exact, over the whole population (or, if
    earlier checkpoints were evaluated only on what they had seen, over the same as these). Line
    with band: if an earlier checkpoint of the target itself has it; from the sample, with bootstrap
    intervals. Where checkpoints were evaluated only on what had been trained on by then, it is over
    the sequences that all of them were evaluated on. For Pythia-12B, hollow marks are the figures
    of Biderman et al. (2023), see `memorization.siblings.published`.
    """
    found = results.metrics["siblings"]
    figure = Figure(figsize=(6.5, 2.9))
    panels = figure.subplots(1, len(PANELS), sharex=True, sharey=True)
    for axes, metric in zip(panels, PANELS, strict=True):
        _draw_models(axes, found, metric)
        _draw_checkpoints(axes, found["checkpoints"], metric)
        if found["target"] == published.TARGET:
            _draw_published(axes, found, metric)
        axes.set_title(metric)
    drawn = [*relative_compute(found).values(), *found["checkpoints"]["relative_compute"], 0.1]
    panels[0].set_xscale("log")
    panels[0].set_xlim(min(drawn) / 2.2, 1.25)
    panels[0].xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{100 * x:g}%"))
    panels[0].set_ylim(0, 1.05)
    panels[0].set_ylabel("over the training sequences")
    compute = f"pre-training compute of the predictor (% of that of {found['target']})"
    figure.supxlabel(compute, fontsize=8.5)
    # Of recall, which is defined wherever precision is.
    handles, labels = panels[-1].get_legend_handles_labels()
    if handles:
        figure.legend(handles, labels, loc="outside upper center", ncols=len(handles))
    else:
        for axes in panels:
            axes.text(0.5, 0.5, "nothing to compare with", transform=axes.transAxes, ha="center")
    return figure


def relative_compute(found: Mapping[str, Any]) -> dict[str, float]:
    """Return model -> its compute as a fraction of the target's, for those that predict it."""
    compute, target = found["compute"], found["target"]
    return {
        model: compute[model] / compute[target]
        for model in sorted(found["pairs"].get(target, {}), key=compute.__getitem__)
    }


def _draw_models(axes: Axes, found: Mapping[str, Any], metric: str) -> None:
    x = relative_compute(found)
    of_target = found["evaluated_pairs"] or found["pairs"].get(found["target"], {})
    known = [model for model in x if of_target[model][metric] is not None]
    if not known:
        return
    y = [of_target[model][metric] for model in known]
    # Told apart from the squares that it may lie on.
    style: dict[str, Any] = {
        "color": BLUE,
        "markersize": 8,
        "markeredgecolor": "white",
        "clip_on": False,
    }
    axes.plot([x[m] for m in known], y, "o-", zorder=5, label="smaller model", **style)
    # Names once, beside the points that rise and so have room to their left.
    if metric == PANELS[-1]:
        for model, height in zip(known, y, strict=True):
            label(axes, model, (x[model], height), (-5, 4), ha="right", fontsize=8, color=BLUE)


def _draw_checkpoints(axes: Axes, checkpoints: Mapping[str, Any], metric: str) -> None:
    over, x = checkpoints["evaluated"] or checkpoints["population"], checkpoints["relative_compute"]
    if not x:
        return
    # What is undefined becomes NaN, which is not drawn.
    names = (metric, f"{metric}_low", f"{metric}_high")
    y, low, high = (np.array(over[name], dtype=np.float64) for name in names)
    axes.fill_between(x, low, high, color=GREY, alpha=0.18, linewidth=0)
    style: dict[str, Any] = {"color": GREY, "markersize": 3.5, "markerfacecolor": "white"}
    axes.plot(x, y, "s--", label="its own checkpoint (upper reference)", **style)


def _draw_published(axes: Axes, found: Mapping[str, Any], metric: str) -> None:
    column = PANELS.index(metric)
    x = relative_compute(found)
    points = [(x[m], values[column]) for m, values in published.SMALLER_MODELS.items() if m in x]
    last, checkpoints = published.LAST_STEP, published.CHECKPOINTS
    points += [(step / last, values[column]) for step, values in checkpoints.items()]
    style: dict[str, Any] = {
        "color": BLACK,
        "markersize": 6.5,
        "markerfacecolor": "none",
        "clip_on": False,
    }
    style |= {"markeredgewidth": 0.8, "linestyle": "none", "zorder": 4}
    axes.plot(*zip(*points, strict=True), "D", label=published.CITATION, **style)
