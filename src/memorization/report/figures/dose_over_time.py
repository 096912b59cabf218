"""Do natural texts come to be memorized as the experiment's do, while training goes on?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from memorization.report.drawing import GREY, in_words, label
from memorization.report.figures.dose_response import EXPERIMENT, NATURAL
from memorization.report.results import Results

ALT = (
    "Panels, one for each number of copies, of the share memorized against the part of training "
    "that is over. Filled circles are the randomised texts, hollow squares natural texts that "
    "occur as often; bars are intervals."
)

# Doses that are shown at most, the largest.
SHOWN = 6


def draw(results: Results) -> Figure:
    """Return the share memorized over training, a panel a dose, by lottery and in natural texts.

    Of the experiment of all seeds, where they are known; with intervals.
    """
    found = results.experiment
    if found is None:
        return in_words(f"There is no experiment: {results.metrics['arm']['reason']}.")
    doses = sorted(found["over_time"], key=int)[-SHOWN:]
    figure = Figure(figsize=(6.5, 1.9 * -(-len(doses) // 3) + 0.4))
    axes = figure.subplots(-(-len(doses) // 3), 3, sharex=True, sharey=True, squeeze=False)
    for panel, dose in zip(axes.flat[: len(doses)], doses, strict=True):
        for side, look, shift in (("natural", NATURAL, 1), ("experiment", EXPERIMENT, -1)):
            _draw(panel, found["over_time"][dose], side, look, shift)
        label(panel, f"{dose} copies", (0.04, 0.9), (0, 0), "axes fraction", fontsize=8, color=GREY)
    for panel in axes.flat[len(doses) :]:
        panel.set_axis_off()
    for row in axes:
        row[0].set_ylabel("memorized (%)")
    for panel in axes[-1]:
        panel.set_xlabel("part of training (%)")
    axes[0, 0].set_ylim(-3, 103)
    style = {"fontsize": 8, "va": "center"}
    for height, text, look in ((0.74, "● by lottery", EXPERIMENT), (0.6, "□ natural", NATURAL)):
        label(axes[0, 0], text, (0.04, height), (0, 0), "axes fraction", color=look.colour, **style)
    return figure


def _draw(
    axes: Axes, over_time: Mapping[str, Mapping[str, Any]], side: str, look: Any, shift: float
) -> None:
    parts = sorted(over_time, key=int)
    known = {int(part): over_time[part][side] for part in parts if side in over_time[part]}
    if not known:
        return
    at = np.array(list(known)) + shift
    low, value, high = (
        [100 * of[end] for of in known.values()] for end in ("low", "value", "high")
    )
    axes.vlines(at, low, high, color=look.colour, linewidth=1)
    axes.plot(at, value, look.dashes, marker=look.marker, markersize=3, **look.style)
