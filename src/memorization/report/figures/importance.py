"""What do the classifiers rely on?"""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from memorization.report.drawing import draw_estimate, looks, mark_value
from memorization.report.results import Results
from memorization.report.wording import Estimate, defined, family_name, model_name

ALT = (
    "Average precision that each classifier loses when one input is scrambled, with intervals. "
    "On the left a row for each family of features, on the right for each of the features that "
    "matter most."
)

# Single features shown, those that matter most to any model.
N_FEATURES = 12


def lost(row: pd.Series) -> Estimate:
    """Return the importance in a row of the table; without interval where that is undefined."""
    return defined({"value": row["importance"], "low": row["low"], "high": row["high"]})


def draw(results: Results) -> Figure:
    """Return the average precision lost at the highest tier when families, or features, say
    nothing."""
    tier = results.fitted_tiers("whether")[-1]
    table = results.importance[results.importance["tier"] == tier]
    single = table["feature"].str.contains(".", regex=False)
    figure = Figure(figsize=(6.5, 3.5))
    left, right = figure.subplots(1, 2, width_ratios=(1, 1))
    models = results.fitted("whether", tier)
    _draw_rows(left, table[~single], models, None)
    _draw_rows(right, table[single], models, N_FEATURES)
    left.set_title("families")
    right.set_title("single features")
    for model, look in zip(models, looks(len(models)), strict=True):
        left.plot([], [], look.marker, label=model_name(model), **look.style)
    figure.legend(loc="outside lower right", ncols=min(4, len(models)))
    return figure


def _draw_rows(axes: Axes, table: pd.DataFrame, models: list[str], most: int | None) -> None:
    largest = table.groupby("feature", sort=False)["importance"].max()
    names = list(largest.sort_values(ascending=False, kind="stable").index[:most])
    mark_value(axes, 0, "")
    for k, (model, look) in enumerate(zip(models, looks(len(models)), strict=True)):
        shift = 0.34 * (k - (len(models) - 1) / 2) / max(1, len(models) - 1)
        own = table[table["model"] == model].set_index("feature")
        for place, name in enumerate(names):
            if name in own.index:
                draw_estimate(axes, place + shift, lost(own.loc[name]), look)
    axes.set_yticks(range(len(names)), [family_name(name) for name in names])
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="y", visible=False)
    axes.set_xlabel("average precision lost")
