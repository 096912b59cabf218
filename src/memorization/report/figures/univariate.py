"""Which features go with memorization, each alone and each family alone?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from memorization.protocol import TIERS
from memorization.report.drawing import BLACK, BLUE, GREEN, REFERENCE, VERMILION, label
from memorization.report.results import Results
from memorization.report.wording import decimal, family_name, feature_name, tier_name

ALT = (
    "AUROC of every feature, a thin line each with its interval, grouped by family and tier "
    "around a dashed line at one half. Black diamonds are whole families; colours say whether a "
    "feature points the way that was expected, and names on the right are the highest and the "
    "lowest of the family."
)

# Room of a family's model, around it, and of a tier's heading, points.
MODEL, AROUND, HEADING = 8.0, 3.0, 12.0
# Most room of a feature, and of all of them: with many the lines stand closer. Least room of a
# family's features: that of the two names beside them.
FEATURE, ALL_FEATURES, NAMES = 2.2, 230.0, 18.0

UNDECIDED = "#999999"
BESIDE = ("axes fraction", "data")

# What an interval says of the expected direction: colour, marker, how it is called.
AGREEMENT = {
    "agrees": (BLUE, "o", "as expected"),
    "contradicts": (VERMILION, "x", "against expectation"),
    "open": (GREEN, "D", "no expectation"),
    "undecided": (UNDECIDED, "|", "not told from chance"),
    "constant": (UNDECIDED, "|", ""),
}


def draw(results: Results) -> Figure:
    """Return the AUROC of every feature, and of a logistic regression of each family's.

    Beside a family's features are the names of those with the highest and the lowest AUROC.
    """
    table, families = results.association, results.metrics["association"]["families"]
    figure = Figure()
    axes = figure.subplots()
    axes.axvline(0.5, color=BLACK, linewidth=0.8, linestyle=REFERENCE, zorder=1)
    pitch = min(FEATURE, ALL_FEATURES / len(table))
    top = 0.0
    for tier in TIERS:
        own = [name for name in dict.fromkeys(table["family"]) if families[name]["tier"] == tier]
        if own:
            axes.axhline(top, color="#888888", linewidth=0.8)
            _left(axes, top + HEADING / 2, tier_name(tier), fontweight="bold")
            top += HEADING
        for place, family in enumerate(own):
            if place:
                axes.axhline(top, color="#dddddd", linewidth=0.5)
            features = table[table["family"] == family]
            height = 2 * AROUND + MODEL + max(NAMES, pitch * len(features))
            _draw_family(axes, top + AROUND, pitch, features, families[family])
            _left(axes, top + height / 2, family_name(family))
            top += height
    figure.set_size_inches(6.5, (top + 60) / 72)
    axes.set_ylim(top, 0)
    axes.set_yticks([])
    heading = {"va": "center", "fontsize": 8, "style": "italic"}
    label(axes, "highest and lowest feature", (1, 0), (5, -HEADING / 2), BESIDE, **heading)
    axes.set_xlim(0, 1)
    axes.set_xlabel("AUROC  (below ½, lower values are memorized)")
    _legend(figure, axes)
    return figure


def _draw_family(
    axes: Axes, top: float, pitch: float, own: pd.DataFrame, score: Mapping[str, Any]
) -> None:
    """Draw a family's model, and below it its features from the highest AUROC to the lowest."""
    place = top + MODEL / 2
    found = score["auroc"]
    if found["low"] is not None:
        axes.plot([found["low"], found["high"]], [place, place], color=BLACK, linewidth=1.3)
    axes.plot(found["value"], place, "D", color=BLACK, markersize=4.5, zorder=4, clip_on=False)
    own = own.sort_values("auroc", ascending=False, kind="stable").reset_index(drop=True)
    places = top + MODEL + pitch * (np.arange(len(own)) + 0.5)
    for name, (colour, marker, _) in AGREEMENT.items():
        some = (own["agreement"] == name).to_numpy()
        # Undefined intervals are left out by themselves: they are not a number.
        axes.hlines(places[some], own["low"][some], own["high"][some], color=colour, linewidth=0.5)
        axes.plot(own["auroc"][some], places[some], **_mark(colour, marker, pitch))
    middle = (places[0] + places[-1]) / 2
    apart = max(places[-1] - places[0], NAMES / 2 + 1)
    for row in dict.fromkeys((0, len(own) - 1)):
        shift = 0 if len(own) == 1 else (-0.5 if row == 0 else 0.5) * apart
        text = f"{feature_name(str(own['feature'][row]))} {decimal(float(own['auroc'][row]), 2)}"
        style = {"va": "center", "fontsize": 8, "color": AGREEMENT[own["agreement"][row]][0]}
        label(axes, text, (1, middle + shift), (5, 0), BESIDE, annotation_clip=False, **style)


def _left(axes: Axes, place: float, text: str, **style: Any) -> None:
    label(axes, text, (0, place), (-4, 0), BESIDE, ha="right", va="center", **style)


def _legend(figure: Figure, axes: Axes) -> None:
    axes.plot([], [], "D-", color=BLACK, markersize=4.5, label="all of a family")
    for colour, marker, name in AGREEMENT.values():
        if name:
            axes.plot([], [], **_mark(colour, marker), label=name)
    figure.legend(loc="outside upper center", ncols=5, handletextpad=0.3, columnspacing=1.2)


def _mark(colour: str, marker: str, pitch: float = FEATURE) -> dict[str, Any]:
    """Return the style of a mark; where lines stand closer, marks are smaller."""
    size = {"D": 2.6, "|": 3.5}.get(marker, 3.2)
    return {
        "color": colour,
        "marker": marker,
        "linestyle": "",
        "markersize": size * max(0.6, pitch / FEATURE),
        "markerfacecolor": "white" if marker == "D" else colour,
        "markeredgewidth": 0.7,
        "zorder": 3,
    }
