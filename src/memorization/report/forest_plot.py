"""Estimates with intervals, one row a model, grouped by tier: the layout of several figures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from memorization.report.names import model_name, tier_name
from memorization.report.results import BASELINES, Results
from memorization.report.style import BLACK, BLUE, GREY

Estimate = Mapping[str, float | None]

# Room of a row and of a tier's heading, inches.
ROW = 0.19


@dataclass(frozen=True)
class Row:
    """One line of the plot; a heading has no model."""

    label: str
    tier: str
    model: str | None = None
    baseline: bool = False


def rows_of(results: Results, question: str, baselines: bool = True) -> list[Row]:
    """Return a heading for each tier, and below it its models."""
    rows = []
    for tier in results.tiers(question):
        models = [
            Row(model_name(model), tier, model, model in BASELINES[question])
            for model in results.models(question, tier)
            if baselines or model not in BASELINES[question]
        ]
        if models:
            rows += [Row(tier_name(tier), tier), *models]
    return rows


def panels(rows: Sequence[Row], labels: Sequence[str]) -> tuple[Figure, list[Axes]]:
    """Return a figure with one panel a label, side by side, that share the rows."""
    figure = Figure(figsize=(6.5, 0.75 + ROW * len(rows)))
    axes = list(figure.subplots(1, len(labels), sharey=True, squeeze=False)[0])
    for panel, label in zip(axes, labels, strict=True):
        panel.set_xlabel(label)
        panel.grid(axis="y", visible=False)
        panel.tick_params(axis="y", length=0)
        for place, row in enumerate(rows):
            if row.model is None and place:
                panel.axhline(place - 0.5, color="#cccccc", linewidth=0.6)
    axes[0].set_yticks(range(len(rows)), [row.label for row in rows])
    axes[0].set_ylim(len(rows) - 0.4, -0.6)
    for text, row in zip(axes[0].get_yticklabels(), rows, strict=True):
        if row.model is None:
            text.set_fontweight("bold")
    return figure, axes


def draw_estimates(
    axes: Axes, rows: Sequence[Row], estimate: Callable[[Row], Estimate | None]
) -> None:
    """Draw each row's estimate: filled for a model, hollow for a baseline; none, none."""
    for place, row in enumerate(rows):
        if row.model is not None:
            colour = GREY if row.baseline else BLUE
            draw_estimate(axes, place, estimate(row), colour, "s" if row.baseline else "o")


def draw_estimate(
    axes: Axes, place: float, found: Estimate | None, colour: str, marker: str, hollow: bool = False
) -> None:
    """Draw one estimate with its interval across a row."""
    if found is None or found["value"] is None:
        return
    if found["low"] is not None and found["high"] is not None:
        axes.plot([found["low"], found["high"]], [place, place], color=colour, linewidth=1.3)
    axes.plot(
        found["value"],
        place,
        marker,
        color=colour,
        markerfacecolor="white" if hollow or marker == "s" else colour,
        markeredgewidth=1.2,
        clip_on=False,
        zorder=3,
    )


def mark_value(axes: Axes, value: float, text: str) -> None:
    """Draw a value to compare with: a dashed line with its name on top."""
    axes.axvline(value, color=BLACK, linewidth=0.8, linestyle=(0, (4, 3)))
    axes.annotate(
        text,
        (value, 1),
        xycoords=("data", "axes fraction"),
        xytext=(0, 2),
        textcoords="offset points",
        ha="center",
        va="bottom",
        fontsize=7.5,
        color=GREY,
    )
