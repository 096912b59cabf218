"""How long until a text is memorized, by how often it is shown?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from memorization.report.drawing import GREY, in_words, label, label_ends, ordered_colours
from memorization.report.results import Results

ALT = (
    "Falling step curves of the share of randomised texts not yet memorized, against the "
    "optimizer step, one for each number of copies. The rows of numbers below count the texts "
    "that are left at five moments."
)

# Parts of training at which the units that are not yet memorized are counted, in percent.
COUNTED = (0, 25, 50, 75, 100)


def draw(results: Results) -> Figure:
    """Return the share of units not yet memorized by dose, and their numbers at risk below.

    Of the experiment's exact copies at random positions; of all seeds, where they are known. Every
    unit is followed to the end, so the Kaplan-Meier curve is the share itself.
    """
    found = results.experiment
    if found is None:
        return in_words(f"There is no experiment: {results.metrics['arm']['reason']}.")
    onset = found["timing"]["onset"]
    cells = found["cells"]
    doses = sorted(
        (cell for cell in onset if cells[cell]["schedule"] == "random" and onset[cell]["ever"]),
        key=lambda cell: int(cells[cell]["dose"]),
    )
    if not doses:
        return in_words("No unit of the experiment was memorized at any checkpoint.")
    figure = Figure(figsize=(6.5, 2.9 + 0.17 * len(doses)))
    curves, numbers = figure.subplots(
        2, 1, sharex=True, height_ratios=[2.4, 0.1 + 0.17 * len(doses)]
    )
    last = int(results.steps[-1])
    colours = dict(zip(doses, ordered_colours(len(doses)), strict=True))
    ends = []
    for dose, colour in colours.items():
        of = onset[dose]
        step = np.array([0, *of["steps"], last])
        gone = np.r_[np.arange(of["ever"] + 1), of["ever"]]
        share = 100 * (1 - gone / of["n"])
        curves.step(step, share, where="post", color=colour)
        ends.append((float(share[-1]), f"{dose} copies", colour))
    curves.set_xlim(0, last)
    curves.set_ylim(0, 101)
    curves.set_ylabel("not yet memorized (%)")
    _draw_numbers(numbers, onset, colours, last)
    figure.draw_without_rendering()
    label_ends(curves, last, ends)
    return figure


def _draw_numbers(
    axes: Axes, onset: Mapping[str, Any], colours: Mapping[str, str], last: int
) -> None:
    for place, (dose, colour) in enumerate(colours.items()):
        first = np.array(onset[dose]["steps"])
        for percent in COUNTED:
            left = onset[dose]["n"] - int((first <= last * percent / 100).sum())
            style = {"ha": "center", "va": "center", "fontsize": 8, "color": colour}
            label(axes, str(left), (last * percent / 100, place), (0, 0), **style)
    axes.set_yticks(range(len(colours)), [f"{dose} copies" for dose in colours])
    axes.set_ylim(len(colours) - 0.4, -0.6)
    axes.set_xticks([last * percent / 100 for percent in COUNTED])
    axes.set_xlabel("optimizer step of the checkpoint")
    axes.set_title("not yet memorized, units", fontsize=8, color=GREY, loc="left", pad=2)
    axes.tick_params(axis="y", length=0, pad=12)
    axes.spines[["left", "bottom"]].set_visible(False)
    axes.grid(visible=False)
