"""Is what is repeated in the training data memorized?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from memorization.report.drawing import BLUE, in_words, label
from memorization.report.results import Results
from memorization.report.wording import count, percent, stratum_name

ALT = (
    "Two panels of the share of training sequences memorized at the end, on a logarithmic axis, "
    "by how often they occur in the training data: on the left the whole sequence, on the right "
    "its continuation alone. Bars are intervals; below each band stand its share of the data and "
    "how many of its rows are memorized."
)

PANELS = {
    "sequence_count": "the whole sequence",
    "continuation_count": "its continuation alone",
}


def draw(results: Results) -> Figure:
    """Return the fraction memorized at the end, by how often the sequence, or its end, occurs.

    Weighted to the population, with the interval of the cluster bootstrap; below, how many rows of
    the sample are memorized, of how many.
    """
    found = {name: results.strata(name) for name in PANELS}
    found = {name: strata for name, strata in found.items() if strata}
    if not found:
        return in_words("How often sequences occur was not counted (features.families).")
    figure = Figure(figsize=(6.5, 3.5))
    panels = figure.subplots(1, len(found), sharey=True, squeeze=False)[0]
    floor = min(_floor(strata) for strata in found.values())
    for axes, (name, strata) in zip(panels, found.items(), strict=True):
        _draw_panel(axes, strata, floor)
        axes.set_title(PANELS[name])
    panels[0].set_yscale("log")
    for axes in panels:
        axes.minorticks_off()
    panels[0].set_ylim(floor, 250)
    panels[0].set_yticks(10.0 ** np.arange(round(np.log10(floor)), 3))
    panels[0].yaxis.set_major_formatter("{x:g}")
    panels[0].set_ylabel("memorized at the end (%)")
    below = "(below: share of the training sequences; rows memorized; rows)"
    figure.supxlabel(f"occurrences in the training data\n{below}", fontsize=8.5)
    return figure


def _floor(strata: Mapping[str, Any]) -> float:
    """Return the power of ten below everything that is positive, %."""
    ends = [s["prevalence"][key] for s in strata.values() for key in ("value", "low")]
    least = min((100 * end for end in ends if end), default=1.0)
    return float(10.0 ** min(np.floor(np.log10(least)), 0))


def _draw_panel(axes: Axes, strata: Mapping[str, Any], floor: float) -> None:
    total = sum(stratum["population"] for stratum in strata.values())
    for place, stratum in enumerate(strata.values()):
        found = stratum["prevalence"]
        height = top = max(100 * (found["value"] or 0), floor)
        if found["low"] is not None and found["low"] < found["high"]:
            top = 100 * found["high"]
            axes.plot([place, place], [max(100 * found["low"], floor), top], color=BLUE)
        # What is below the axis lies on it, hollow.
        fill = BLUE if height > floor else "white"
        axes.plot(place, height, "o", color=BLUE, markerfacecolor=fill, clip_on=False, zorder=3)
        label(axes, percent(found["value"]), (place, top), (0, 5), ha="center", fontsize=8)
    labels = [
        f"{stratum_name(name)}\n{percent(s['population'] / total)}\n"
        f"{count(s['cases'])}\n{count(s['n'])}"
        for name, s in strata.items()
    ]
    axes.set_xticks(range(len(labels)), labels)
    axes.set_xlim(-0.5, len(labels) - 0.5)
    axes.grid(axis="x", visible=False)
