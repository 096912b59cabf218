"""What do the classifiers rely on?"""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from memorization.report.forest_plot import draw_estimate, mark_value
from memorization.report.names import family_name, model_name
from memorization.report.results import Results
from memorization.report.style import MARKS

# Single features shown, those that matter most to any model.
N_FEATURES = 12


def draw(results: Results) -> Figure:
    """Return the average precision lost at the highest tier when families, or features, say
    nothing."""
    tier = results.top_tier("whether")
    table = results.importance[results.importance["tier"] == tier]
    single = table["feature"].str.contains(".", regex=False)
    figure = Figure(figsize=(6.5, 3.5))
    left, right = figure.subplots(1, 2, width_ratios=(1, 1))
    models = results.fitted("whether", tier)
    _draw_rows(left, table[~single], models, None)
    _draw_rows(right, table[single], models, N_FEATURES)
    left.set_title("families")
    right.set_title("single features")
    for model, (colour, marker) in zip(models, MARKS, strict=False):
        fill = "white" if marker == "s" else colour
        left.plot([], [], marker, color=colour, markerfacecolor=fill, label=model_name(model))
    figure.legend(loc="outside lower right", ncols=len(models))
    return figure


def _draw_rows(axes: Axes, table: pd.DataFrame, models: list[str], most: int | None) -> None:
    largest = table.groupby("feature", sort=False)["importance"].max()
    names = list(largest.sort_values(ascending=False, kind="stable").index[:most])
    mark_value(axes, 0, "")
    for k, (model, (colour, marker)) in enumerate(zip(models, MARKS, strict=False)):
        shift = 0.34 * (k - (len(models) - 1) / 2) / max(1, len(models) - 1)
        own = table[table["model"] == model].set_index("feature")
        for place, name in enumerate(names):
            if name in own.index:
                value, low, high = own.loc[name, ["importance", "low", "high"]]
                known = pd.notna(low) and pd.notna(high)
                found = {
                    "value": value,
                    "low": low if known else None,
                    "high": high if known else None,
                }
                draw_estimate(axes, place + shift, found, colour, marker)
    axes.set_yticks(range(len(names)), [family_name(name) for name in names])
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="y", visible=False)
    axes.set_xlabel("average precision lost")
