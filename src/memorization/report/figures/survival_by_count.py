"""When are sequences memorized, by how often their continuation occurs?"""

from __future__ import annotations

from matplotlib.figure import Figure

from memorization.report.drawing import in_words, label_ends, ordered_colours
from memorization.report.names import stratum_name
from memorization.report.results import Results
from memorization.strata import ALL


def draw(results: Results) -> Figure:
    """Return the Kaplan-Meier curve of each stratum of the count, with its band."""
    if not results.when_done:
        return in_words(f"When is not answered: {results.metrics['when']['reason']}.")
    curves = list(results.kaplan_meier.groupby("stratum", sort=False))
    figure = Figure(figsize=(6.5, 3.4))
    axes = figure.subplots()
    ends = []
    last = results.suite.steps[-1]
    for (stratum, curve), colour in zip(curves, ordered_colours(len(curves)), strict=True):
        step = [0, *curve["step"]]
        low, high, survival = ([100, *(100 * curve[name])] for name in ("low", "high", "survival"))
        if curve["low"].notna().all():
            axes.fill_between(step, low, high, step="post", color=colour, alpha=0.15, linewidth=0)
        axes.step(step, survival, where="post", color=colour)
        name = "" if stratum == ALL else f"{stratum_name(str(stratum))}×"
        ends.append((float(survival[-1]), name, colour))
    axes.set_xlim(0, last)
    axes.set_ylim(0, 101)
    axes.set_xlabel("optimizer step of the checkpoint")
    axes.set_ylabel("not yet memorized (%)")
    figure.draw_without_rendering()
    label_ends(axes, last, ends)
    return figure
