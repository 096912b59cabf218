"""When are sequences memorized, by how often their continuation occurs?"""

from __future__ import annotations

from matplotlib.figure import Figure

from memorization.report.names import stratum_name
from memorization.report.results import Results
from memorization.report.style import ORDERED, in_words, label_ends
from memorization.study.strata import ALL


def draw(results: Results) -> Figure:
    """Return the Kaplan-Meier curve of each stratum of the count, with its band."""
    if not results.when_done:
        return in_words(f"When is not answered: {results.metrics['when']['reason']}.")
    table = results.kaplan_meier
    figure = Figure(figsize=(6.5, 3.4))
    axes = figure.subplots()
    ends = []
    last = results.suite.steps[-1]
    for (stratum, curve), colour in zip(
        table.groupby("stratum", sort=False), ORDERED, strict=False
    ):
        step = [0, *curve["step"]]
        if curve["low"].notna().all():
            axes.fill_between(
                step,
                [100, *(100 * curve["low"])],
                [100, *(100 * curve["high"])],
                step="post",
                color=colour,
                alpha=0.15,
                linewidth=0,
            )
        axes.step(step, [100, *(100 * curve["survival"])], where="post", color=colour)
        ends.append(
            (
                float(100 * curve["survival"].iloc[-1]),
                "" if stratum == ALL else f"{stratum_name(str(stratum))}×",
                colour,
            )
        )
    axes.set_xlim(0, last)
    axes.set_ylim(0, 101)
    axes.set_xlabel("optimizer step of the checkpoint")
    axes.set_ylabel("not yet memorized (%)")
    figure.draw_without_rendering()
    label_ends(axes, last, ends)
    return figure
