"""How many copies does it take, and do natural texts that occur as often fare alike?"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from memorization.params import SCHEDULES
from memorization.report.drawing import (
    BLACK,
    BLUE,
    GREY,
    REFERENCE,
    VERMILION,
    Look,
    draw_estimate,
    in_words,
    label,
)
from memorization.report.results import Results

ALT = (
    "Left, the share memorized at the end against the number of copies: filled circles for "
    "randomised texts, hollow squares for natural texts that occur as often, and a dashed line "
    "with a grey band at the dose that memorizes one half. Right, what each other schedule of "
    "the copies changes of the log-probability of the continuation."
)

EXPERIMENT, NATURAL = Look(BLUE, "o", "-"), Look(VERMILION, "s", "-")
# How far the two stand apart, in steps of the dose.
APART = 0.12


def draw(results: Results) -> Figure:
    """Return the share memorized by dose, the experiment beside natural texts, and the contrasts.

    On the left, exact copies at random positions with Wilson intervals, and natural sequences whose
    continuation occurs about as often, standardised; the band is the interval of the dose of one
    half. On the right, what each schedule changes of the log-probability of the continuation. Of
    the experiment of all seeds, where they are known.
    """
    found = results.experiment
    if found is None:
        return in_words(f"There is no dose-response curve: {results.metrics['arm']['reason']}.")
    figure = Figure(figsize=(6.5, 3.0))
    left, right = figure.subplots(1, 2, width_ratios=[1.7, 1])
    _draw_doses(left, found)
    _draw_contrasts(right, found["contrasts"]["logprob"])
    return figure


def _draw_doses(axes: Axes, found: Mapping[str, Any]) -> None:
    exact = {cell: of for cell, of in found["cells"].items() if of["schedule"] == "random"}
    doses = sorted(exact, key=lambda cell: exact[cell]["dose"])
    place = {dose: at for at, dose in enumerate(doses)}
    _draw_half(axes, found["ed50"], {int(dose): at for dose, at in place.items()})
    for dose, at in place.items():
        _draw_share(axes, at - APART, exact[dose]["memorized"], EXPERIMENT)
    for dose, of in (found["gap"] or {}).items():
        _draw_share(axes, place[dose] + APART, of["standardized"], NATURAL)
    axes.set_xticks(range(len(doses)), doses)
    axes.set_ylim(-3, 103)
    axes.set_xlabel("copies in the training data")
    axes.set_ylabel("memorized at the end (%)")
    axes.grid(axis="x", visible=False)
    style = {"xycoords": "axes fraction", "fontsize": 8, "va": "center"}
    for height, text, look in (
        (0.93, "● by lottery", EXPERIMENT),
        (0.85, "□ natural texts", NATURAL),
    ):
        if found["gap"] or look is EXPERIMENT:
            label(axes, text, (0.02, height), (0, 0), color=look.colour, **style)


def _draw_half(axes: Axes, ed50: Mapping[str, Any], place: Mapping[int, int]) -> None:
    """Mark the dose of one half, and its interval where it is bounded."""
    if ed50["value"] is None:
        return
    axes.axvline(_between(ed50["value"], place), color=BLACK, linewidth=0.8, linestyle=REFERENCE)
    if ed50["low"] is not None and ed50["high"] is not None:
        ends = [_between(ed50[end], place) for end in ("low", "high")]
        axes.axvspan(*ends, color=GREY, alpha=0.15, linewidth=0)


def _between(dose: float, place: Mapping[int, int]) -> float:
    """Return where a dose is among those drawn at equal distances.

    >>> _between(24, {0: 0, 16: 1, 32: 2}), _between(99, {0: 0, 16: 1, 32: 2})
    (1.5, 2.0)
    """
    known = sorted(place)
    for low, high in pairwise(known):
        if dose <= high:
            return place[low] + max(dose - low, 0) / (high - low)
    return float(place[known[-1]])


def _draw_share(axes: Axes, at: float, found: Mapping[str, Any], look: Look) -> None:
    if found["value"] is None:
        return
    axes.plot([at, at], [100 * found["low"], 100 * found["high"]], color=look.colour, linewidth=1.3)
    axes.plot(at, 100 * found["value"], look.marker, **look.style, clip_on=False, zorder=3)


def _draw_contrasts(axes: Axes, contrasts: Mapping[str, Any]) -> None:
    if not contrasts:
        axes.set_axis_off()
        axes.text(0, 0.5, "All copies are at random positions.", transform=axes.transAxes)
        return
    axes.axvline(0, color=BLACK, linewidth=0.8)
    for at, schedule in enumerate(SCHEDULES):
        draw_estimate(axes, at, dict(contrasts[schedule]), EXPERIMENT)
    axes.set_yticks(range(len(SCHEDULES)), [name.replace("_", " ") for name in SCHEDULES])
    axes.set_ylim(len(SCHEDULES) - 0.5, -0.5)
    axes.set_xlabel("change of log-probability\n(nats a token; exact copies: 0)")
    axes.grid(axis="y", visible=False)
