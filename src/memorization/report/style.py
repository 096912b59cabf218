"""Colours, and how a figure becomes the same bytes every time."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Callable, Iterable
from pathlib import Path

import matplotlib.style
from matplotlib.axes import Axes
from matplotlib.figure import Figure

STYLE = Path(__file__).with_name("style.mplstyle")

BLUE, VERMILION, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
BLACK, GREY = "#222222", "#777777"

# Told apart in grey by the marker, in colour by both; for models in the order of the params.
MARKS = ((BLUE, "o"), (VERMILION, "s"), (GREEN, "D"), (PURPLE, "^"))

# Ordered groups, from light to dark in grey as well (viridis without its pale end).
ORDERED = ("#9A9600", "#5DB85C", "#26908B", "#35608D", "#440F5E")


def svg(draw: Callable[[], Figure]) -> bytes:
    """Return a figure as SVG, drawn in the paper's style; the same bytes for the same figure."""
    with matplotlib.style.context(STYLE):
        figure = draw()
        buffer = io.BytesIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    # Matplotlib leaves spaces at the ends of lines, at which git takes offence.
    lines = buffer.getvalue().decode("utf-8").splitlines()
    return ("\n".join(line.rstrip() for line in lines) + "\n").encode("utf-8")


def in_words(text: str) -> Figure:
    """Return a figure that says in words why there is nothing to draw."""
    figure = Figure(figsize=(6.5, 1.6))
    lines = textwrap.fill(text, 84)
    figure.text(0.5, 0.5, lines, ha="center", va="center", fontsize=9, color=GREY)
    return figure


def label_ends(
    axes: Axes, x: float, ends: Iterable[tuple[float, str, str]], gap: float = 10.5
) -> None:
    """Write labels to the right of curves, moved apart where the curves end close together.

    Parameters
    ----------
    x : where the curves end, in data units.
    ends : of each curve its y in data units, its label and its colour.
    gap : least distance between two labels, points.
    """
    ends = sorted(ends)
    if not ends:
        return
    figure = axes.get_figure(root=True)
    assert figure is not None
    height = axes.get_position().height * figure.get_size_inches()[1] * 72
    low, high = axes.get_ylim()
    scale = axes.yaxis.get_transform()
    bottom, top = (float(scale.transform(value)) for value in (low, high))
    points = [(float(scale.transform(y)) - bottom) / (top - bottom) * height for y, _, _ in ends]
    places = _apart(points, gap)
    for (y, text, colour), point, place in zip(ends, points, places, strict=True):
        axes.annotate(
            text,
            (x, y),
            xytext=(5, place - point),
            textcoords="offset points",
            va="center",
            color=colour,
            fontsize=8,
            annotation_clip=False,
        )


def _apart(points: list[float], gap: float) -> list[float]:
    """Return ascending places at least ``gap`` apart, as near to the points as a sweep gets."""
    groups: list[list[float]] = []
    for point in points:
        groups.append([point])
        # A group of k labels spans (k - 1) gaps around the mean of its points.
        while len(groups) > 1 and _bottom(groups[-1], gap) < _top(groups[-2], gap) + gap:
            groups[-2:] = [groups[-2] + groups[-1]]
    return [_bottom(group, gap) + k * gap for group in groups for k in range(len(group))]


def _bottom(group: list[float], gap: float) -> float:
    return sum(group) / len(group) - (len(group) - 1) * gap / 2


def _top(group: list[float], gap: float) -> float:
    return sum(group) / len(group) + (len(group) - 1) * gap / 2
