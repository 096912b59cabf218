"""Is what is repeated in the training data memorized?"""

from __future__ import annotations

from matplotlib.figure import Figure

from memorization.report.names import stratum_name
from memorization.report.numbers import percent
from memorization.report.results import Results
from memorization.report.style import BLUE, in_words

# Bottom of the logarithmic axis, %.
FLOOR = 0.01


def draw(results: Results) -> Figure:
    """Return the fraction memorized at the end, by how often the sequence occurs.

    Weighted to the population, with the interval of the cluster bootstrap.
    """
    strata = results.strata
    if not strata:
        return in_words("How often sequences occur was not counted (features.families).")
    total = sum(stratum["population"] for stratum in strata.values())
    figure = Figure(figsize=(6.5, 3.1))
    axes = figure.subplots()
    for place, stratum in enumerate(strata.values()):
        found = stratum["prevalence"]
        if found["low"] is not None:
            ends = [max(100 * found["low"], FLOOR), max(100 * found["high"], FLOOR)]
            axes.plot([place, place], ends, color=BLUE)
        height = max(100 * (found["value"] or 0), FLOOR)
        # What is below the axis lies on it, hollow.
        fill = BLUE if height > FLOOR else "white"
        axes.plot(place, height, "o", color=BLUE, markerfacecolor=fill, clip_on=False, zorder=3)
        axes.annotate(
            percent(found["value"]),
            (place, height),
            xytext=(6, 2),
            textcoords="offset points",
            fontsize=8,
        )
    labels = [
        f"{stratum_name(name)}\n{percent(s['population'] / total)}" for name, s in strata.items()
    ]
    axes.set_xticks(range(len(labels)), labels)
    axes.set_xlim(-0.5, len(labels) - 0.3)
    axes.set_yscale("log")
    axes.set_ylim(FLOOR, 100)
    axes.yaxis.set_major_formatter("{x:g}")
    axes.grid(axis="x", visible=False)
    axes.set_xlabel("occurrences in the training data\n(below: share of the training sequences)")
    axes.set_ylabel("memorized at the end (%)")
    return figure
