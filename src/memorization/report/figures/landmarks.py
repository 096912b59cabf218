"""How early can one know, and what must one look at?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from memorization.report.drawing import BLACK, BLUE, GREEN, REFERENCE, VERMILION, in_words
from memorization.report.results import Results

ALT = (
    "Four panels against the part of training that is over: above, average precision; below, "
    "precision at the recall of the rule. The left column is of sequences already trained on, "
    "the right of the others; lines compare predictions from the data, from the model itself and "
    "from both with a dashed line for the rule."
)

LOOKS = {"data": (BLUE, "o"), "model": (VERMILION, "s"), "both": (GREEN, "D")}
NAMES = {"data": "data and exposures", "model": "the model itself", "both": "both"}
POPULATIONS = {"seen": "own row seen", "not_yet": "not yet"}


METRICS = {
    "average_precision": "average precision",
    "precision": "precision at\nthe rule's recall",
}


def draw(results: Results) -> Figure:
    """Return, for either population, how well the end is known by landmark.

    Average precision, and precision at the recall of the rule that what is memorized now is so at
    the end, which is dashed.
    """
    found = results.metrics["when"].get("landmarks")
    if not found:
        return in_words("The target was not evaluated at every checkpoint, with log-probabilities.")
    figure = Figure(figsize=(6.5, 4.4))
    axes = figure.subplots(2, 2, sharex=True, sharey="row")
    for column, (population, title) in enumerate(POPULATIONS.items()):
        for row, metric in enumerate(METRICS):
            _draw(axes[row, column], found["end"].get(population, {}), metric)
        axes[0, column].set_title(title)
        axes[1, column].set_xlabel("of training over (%)")
    for row, text in enumerate(METRICS.values()):
        axes[row, 0].set_ylabel(text)
        axes[row, 0].set_ylim(0, 1.03)
    axes[1, 0].set_xlim(0, 100)
    handles, names = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper right", ncols=len(names))
    return figure


def _draw(axes: Axes, landmarks: Mapping[str, Any], metric: str) -> None:
    percents = [int(percent) for percent in landmarks]
    if not percents:
        return
    rule = [landmarks[str(percent)]["rule"][metric]["value"] for percent in percents]
    known = np.array(rule, np.float64)
    axes.plot(percents, known, color=BLACK, linestyle=REFERENCE, label="the rule")
    for shift, (name, (colour, marker)) in zip((-0.8, 0.0, 0.8), LOOKS.items(), strict=True):
        scores = [landmarks[str(percent)][name][metric] for percent in percents]
        value, low, high = (
            np.array([of[key] for of in scores], dtype=np.float64)
            for key in ("value", "low", "high")
        )
        at = np.array(percents) + shift
        axes.vlines(at, low, high, color=colour, linewidth=1)
        axes.plot(at, value, color=colour, marker=marker, markersize=3.5, label=NAMES[name])
