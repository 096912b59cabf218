"""Is it the same sequences that are memorized with another seed?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from memorization.report.drawing import (
    BLACK,
    BLUE,
    GREY,
    Look,
    draw_estimate,
    in_words,
    label,
    ordered_colours,
)
from memorization.report.results import Results
from memorization.report.wording import count, stratum_name
from memorization.strata import STRATA

ALT = (
    "Left, stacked bars by how often a continuation occurs: the share of sequences memorized in "
    "one, two or more of the seeds. Right, a row for each comparison of models: a dot for each "
    "seed, and the mean difference with its interval against a line at zero."
)

# Differences of average precision, concordance or skill, one axis.
SHOWN = {
    "without_text_over_count": "trees without text\nless count (AP)",
    "text_added": "text adds\n(AP)",
    "boosting_over_ngrams": "trees less n-grams,\ntext alone (AP)",
    "stacked_over_ngrams": "n-gram trees less\nn-grams (AP)",
    "sibling_added": "smaller models\nadd (AP)",
    "reference_added": "reference\nadds (AP)",
    "forest_over_clock": "forest less clock\n(concordance)",
    "without_text_state_over_clock": "trees without text\nless clock (skill)",
}


def draw(results: Results) -> Figure:
    """Return in how many seeds sequences are memorized, and the differences by seed.

    On the left, by band of the count of the continuation, the share of the sequences that are
    memorized in so many of the seeds. On the right, paired differences: a dot a seed, and the mean
    with its t interval over the seeds.
    """
    found = results.seeds
    if found is None:
        return in_words("This study was run with one seed; make seeds repeats it with others.")
    if found["memorized_in"] is None:
        return in_words("How often sequences occur was not counted (features.families).")
    figure = Figure(figsize=(6.5, 3.2))
    left, right = figure.subplots(1, 2, width_ratios=[1.5, 1])
    _draw_times(left, found["memorized_in"], len(found["seeds"]))
    _draw_differences(right, found["differences"])
    return figure


def _draw_times(axes: Axes, memorized_in: Mapping[str, list[int]], seeds: int) -> None:
    bands = {name: np.array(memorized_in[name]) for name in STRATA if any(memorized_in[name])}
    colours = ordered_colours(seeds)
    for place, of in enumerate(bands.values()):
        # From all seeds, at the bottom, to one.
        shares = 100 * of[:0:-1] / of.sum()
        below = np.concatenate([[0.0], np.cumsum(shares)[:-1]])
        axes.bar([place] * seeds, shares, bottom=below, width=0.75, color=colours[::-1])
    axes.set_xticks(
        range(len(bands)),
        [f"{stratum_name(name)}\n{count(of.sum())}" for name, of in bands.items()],
    )
    axes.set_xlabel("occurrences of the continuation\n(below: sequences)", fontsize=8.5)
    axes.set_ylabel("memorized at the end (%)")
    axes.set_ylim(0, 100)
    axes.grid(axis="x", visible=False)
    label(axes, "in how many seeds", (0.03, 0.97), (0, 0), "axes fraction", fontsize=8, va="top")
    for times in range(seeds, 0, -1):
        at = (0.05, 0.89 - 0.07 * (seeds - times))
        style = {"fontsize": 8, "va": "top", "color": colours[times - 1]}
        label(axes, f"■ {times}", at, (0, 0), "axes fraction", **style)


def _draw_differences(axes: Axes, differences: Mapping[str, Any]) -> None:
    names = [name for name in SHOWN if name in differences]
    axes.axvline(0, color=BLACK, linewidth=0.8)
    for place, name in enumerate(names):
        of = differences[name]
        values = np.array(of["values"], dtype=np.float64)
        axes.plot(values, [place + 0.2] * len(values), ".", color=GREY, markersize=4)
        draw_estimate(axes, place - 0.1, of, Look(BLUE, "o", "-"))
    axes.set_yticks(range(len(names)), [SHOWN[name] for name in names])
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xlabel("difference (dots: a seed each)", fontsize=8.5)
    axes.grid(axis="y", visible=False)
