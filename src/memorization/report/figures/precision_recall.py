"""How many of the memorized sequences are found, at what price in false alarms?"""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from memorization.report.drawing import BLACK, GREY, looks
from memorization.report.results import Results
from memorization.report.wording import decimal, model_name

ALT = (
    "Precision against recall of each model, in one panel for the counts of the training data "
    "and one for the highest tier. Grey lines are single counts, the dotted line is the "
    "prevalence, and a star marks the next smaller model."
)


def precision_recall(
    truth: np.ndarray, score: np.ndarray, weight: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return recall and precision at every threshold from the highest down, two float [g].

    Weighted to the population; rows of equal score enter together.

    >>> truth, score = np.array([True, False, True]), np.array([0.9, 0.5, 0.5])
    >>> [x.round(3).tolist() for x in precision_recall(truth, score, np.array([1, 2, 1]))]
    [[0.5, 1.0], [1.0, 0.5]]
    """
    order = np.argsort(-score, kind="stable")
    last = np.flatnonzero(np.r_[np.diff(score[order]) != 0, True])
    hits = np.cumsum((weight * truth)[order])[last]
    accepted = np.cumsum(weight[order].astype(np.float64))[last]
    return hits / hits[-1], hits / accepted


def draw(results: Results) -> Figure:
    """Return curves of every model at two tiers, with the baselines that a tier allows.

    Left: what counts over the training data allow; right: the highest tier.
    """
    top = results.fitted_tiers("whether")[-1]
    tiers = list(dict.fromkeys(["corpus", top])) if "corpus" in results.tiers("whether") else [top]
    figure = Figure(figsize=(6.5, 3.9))
    axes = figure.subplots(1, len(tiers), sharey=True, squeeze=False)[0]
    for panel, tier in zip(axes, tiers, strict=True):
        _draw_tier(panel, results, tier)
    axes[0].set_ylabel("precision")
    return figure


def _draw_tier(axes: Axes, results: Results, tier: str) -> None:
    truth, weight = results.memorized, results.weight
    scores = results.metrics["whether"]

    def curve(tier: str, model: str, **style: Any) -> None:
        recall, precision = precision_recall(truth, results.probability(tier, model), weight)
        value = decimal(scores[tier][model]["average_precision"]["value"], 2)
        label = f"{model_name(model)} ({value})"
        axes.step(recall, precision, where="pre", label=label, **style)

    models = results.fitted("whether", tier)
    for model, look in zip(models, looks(len(models)), strict=True):
        curve(tier, model, color=look.colour, linestyle=look.dashes)
    for baseline, dashes in (("continuation_count", "-"), ("duplicate_count", (0, (1, 1)))):
        counted = results.baseline("whether", baseline)
        if counted:
            curve(*counted, color=GREY, linewidth=1, linestyle=dashes)
    sibling = results.baseline("whether", "smaller_sibling")
    if sibling and sibling[0] == tier:
        decided = scores[tier]["smaller_sibling"]
        axes.plot(
            decided["recall"]["value"],
            decided["precision"]["value"],
            "*",
            color=BLACK,
            markersize=9,
            linestyle="none",
            label=model_name("smaller_sibling"),
        )
    axes.axhline(float(np.average(truth, weights=weight)), color=GREY, linestyle=":", linewidth=1)
    axes.set_title(f"tier: {tier}")
    axes.set_xlabel("recall")
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.02)
    # Below, because no corner is always free of curves.
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2), borderaxespad=0)
