"""What figures share: colours and marks, rows of estimates, and the same bytes every time."""

from __future__ import annotations

import io
import re
import textwrap
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import matplotlib.style
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_hex
from matplotlib.figure import Figure

from memorization.report.results import Results
from memorization.report.wording import Estimate, model_name, tier_name

STYLE = Path(__file__).with_name("style.mplstyle")

BLUE, VERMILION, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
BLACK, GREY = "#222222", "#777777"
REFERENCE = (0, (4, 3))

# Ordered groups, from light to dark in grey as well (viridis without its pale end).
ORDERED = ("#9A9600", "#5DB85C", "#26908B", "#35608D", "#440F5E")

# Numbers of which no two have a divisor in common, so that a hundred models look different, and in
# curves, which have no markers, twenty.
COLOURS = (BLUE, VERMILION, GREEN, PURPLE, "#56B4E9", "#E69F00", "#8B5A2B")
MARKERS = ("o", "s", "D", "^", "v")
DASHES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (6, 1.5, 1, 1.5)))

# Of fewer events an interval says little, and is not drawn.
FEWEST = 10

# Room of a row of estimates, inches.
ROW = 0.19


@dataclass(frozen=True)
class Look:
    """How one of several models is told apart: in grey by marker or dashes, else by all three."""

    colour: str
    marker: str
    dashes: Any

    @property
    def style(self) -> dict[str, Any]:
        """The colours of its marker."""
        fill = "white" if self.marker == "s" else self.colour
        return {"color": self.colour, "markerfacecolor": fill}


def looks(n: int) -> list[Look]:
    """Return a look for each of n models, however many."""
    return [
        Look(COLOURS[k % len(COLOURS)], MARKERS[k % len(MARKERS)], DASHES[k % len(DASHES)])
        for k in range(n)
    ]


def ordered_colours(n: int) -> list[str]:
    """Return n colours from light to dark: of `ORDERED`, or between them where these run out."""
    if n <= len(ORDERED):
        return list(ORDERED[:n])
    between = LinearSegmentedColormap.from_list("ordered", ORDERED)
    return [to_hex(between(k / (n - 1))) for k in range(n)]


# The lines of a path, in points or in units of a letter.
LINES = re.compile(r'(?<= )d="[^"]*"')


def svg(draw: Callable[[], Figure], alt: str = "") -> bytes:
    """Return a figure as SVG, drawn in the paper's style; the same bytes for the same figure.

    Parameters
    ----------
    alt : what the picture shows, for those who do not see it; its ``desc`` element.
    """
    with matplotlib.style.context(STYLE):
        figure = draw()
        buffer = io.BytesIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    picture = LINES.sub(lambda lines: _hundredths(lines[0]), buffer.getvalue().decode("utf-8"))
    # Matplotlib leaves spaces at the ends of lines, at which git takes offence.
    lines = [line.strip() for line in picture.splitlines()]
    if alt:
        begin = next(k for k, line in enumerate(lines) if line.startswith("<svg "))
        lines.insert(begin + 1, f"<desc>{escape(alt, quote=False)}</desc>")
    return ("\n".join(lines) + "\n").encode("utf-8")


def _hundredths(text: str) -> str:
    """Return a text with its decimals rounded: a hundredth of a point is less than one sees.

    >>> _hundredths("M 37.770904 199.899096 L -0.001 5.10")
    'M 37.77 199.9 L 0 5.1'
    """
    return re.sub(r"-?\d+\.\d+", lambda n: f"{round(float(n[0]), 2) + 0.0:g}", text)


def in_words(text: str) -> Figure:
    """Return a figure that says in words why there is nothing to draw."""
    figure = Figure(figsize=(6.5, 1.6))
    lines = textwrap.fill(text, 84)
    figure.text(0.5, 0.5, lines, ha="center", va="center", fontsize=9, color=GREY)
    return figure


def label(
    axes: Axes,
    text: str,
    at: tuple[float, float],
    shift: tuple[float, float],
    xycoords: Any = "data",
    **style: Any,
) -> None:
    """Write a text at a place, moved by some points."""
    axes.annotate(text, at, xytext=shift, xycoords=xycoords, textcoords="offset points", **style)


@dataclass(frozen=True)
class Row:
    """One line of a plot of estimates; a heading has no model."""

    label: str
    tier: str
    model: str | None = None
    baseline: bool = False


def rows_of(results: Results, question: str, baselines: bool = True) -> list[Row]:
    """Return a heading for each tier, and below it its models."""
    rows: list[Row] = []
    for tier in results.tiers(question):
        models = (results.models if baselines else results.fitted)(question, tier)
        if models:
            rows.append(Row(tier_name(tier), tier))
        for model in models:
            baseline = results.is_baseline(question, tier, model)
            rows.append(Row(model_name(model), tier, model, baseline))
    return rows


def panels(rows: Sequence[Row], labels: Sequence[str]) -> tuple[Figure, list[Axes]]:
    """Return a figure with one panel a label, side by side, that share the rows."""
    figure = Figure(figsize=(6.5, 0.75 + ROW * len(rows)))
    axes = list(figure.subplots(1, len(labels), sharey=True, squeeze=False)[0])
    for panel, text in zip(axes, labels, strict=True):
        panel.set_xlabel(text)
        panel.grid(axis="y", visible=False)
        panel.tick_params(axis="y", length=0)
        for place, row in enumerate(rows):
            if row.model is None and place:
                panel.axhline(place - 0.5, color="#cccccc", linewidth=0.6)
    axes[0].set_yticks(range(len(rows)), [row.label for row in rows])
    axes[0].set_ylim(len(rows) - 0.4, -0.6)
    for name, row in zip(axes[0].get_yticklabels(), rows, strict=True):
        if row.model is None:
            name.set_fontweight("bold")
    return figure, axes


def draw_estimates(
    axes: Axes, rows: Sequence[Row], estimate: Callable[[Row], Estimate | None]
) -> None:
    """Draw each row's estimate: filled for a model, hollow for a baseline; none, none."""
    for place, row in enumerate(rows):
        if row.model is not None:
            look = Look(GREY, "s", "-") if row.baseline else Look(BLUE, "o", "-")
            draw_estimate(axes, place, estimate(row), look)


def draw_estimate(axes: Axes, place: float, found: Estimate | None, look: Look) -> None:
    """Draw one estimate with its interval across a row."""
    if found is None or found["value"] is None:
        return
    if found["low"] is not None and found["high"] is not None:
        axes.plot([found["low"], found["high"]], [place, place], color=look.colour, linewidth=1.3)
    style = look.style | {"markeredgewidth": 1.2, "clip_on": False, "zorder": 3}
    axes.plot(found["value"], place, look.marker, **style)


def mark_value(axes: Axes, value: float, text: str) -> None:
    """Draw a value to compare with: a dashed line with its name on top."""
    axes.axvline(value, color=BLACK, linewidth=0.8, linestyle=REFERENCE)
    style = {"ha": "center", "va": "bottom", "fontsize": 8, "color": GREY}
    label(axes, text, (value, 1), (0, 2), ("data", "axes fraction"), **style)


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
    figure = axes.get_figure(root=True)
    assert figure is not None
    height = axes.get_position().height * figure.get_size_inches()[1] * 72
    scale = axes.yaxis.get_transform()
    bottom, top = (float(scale.transform(value)) for value in axes.get_ylim())
    points = [(float(scale.transform(y)) - bottom) / (top - bottom) * height for y, _, _ in ends]
    for (y, text, colour), point, place in zip(ends, points, apart(points, gap), strict=True):
        style = {"va": "center", "color": colour, "fontsize": 8, "annotation_clip": False}
        label(axes, text, (x, y), (5, place - point), **style)


def apart(points: Sequence[float], gap: float) -> list[float]:
    """Return ascending places at least ``gap`` apart, as near to the points as a sweep gets.

    >>> apart([20.0, 20.0, 50.0], 10)
    [15.0, 25.0, 50.0]
    """

    def first(group: list[float]) -> float:
        # A group of k labels spans (k - 1) gaps around the mean of its points.
        return sum(group) / len(group) - (len(group) - 1) * gap / 2

    groups: list[list[float]] = []
    for point in points:
        groups.append([point])
        while len(groups) > 1 and first(groups[-1]) < first(groups[-2]) + gap * len(groups[-2]):
            groups[-2:] = [groups[-2] + groups[-1]]
    return [first(group) + k * gap for group in groups for k in range(len(group))]
