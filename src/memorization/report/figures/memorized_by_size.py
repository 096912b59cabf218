"""How much more of the training data does a larger model memorize?"""

from __future__ import annotations

from matplotlib.figure import Figure

from memorization.report.drawing import BLUE, GREY, label
from memorization.report.results import Results
from memorization.report.wording import percent

ALT = (
    "Line through the models of the suite: the share of the training sequences that each has "
    "memorized at the end, against its number of parameters on a logarithmic axis. The filled "
    "point is the target."
)

# So many names have room above their points.
FEW = 4


def draw(results: Results) -> Figure:
    """Return the fraction of the whole population memorized by each model, against its size.

    Exact counts, so there is no interval: every sequence of the population was tested.
    """
    suite, counts = results.suite, results.metrics["labels"]["memorized_by_model"]
    population = results.metrics["labels"]["population"]
    sizes = [suite.parameters[model] for model in suite.models]
    fractions = [100 * counts[model] / population for model in suite.models]
    figure = Figure(figsize=(6.5, 2.9))
    axes = figure.subplots()
    axes.plot(sizes, fractions, color=GREY, linewidth=1)
    for place, (model, size, fraction) in enumerate(
        zip(suite.models, sizes, fractions, strict=True)
    ):
        target = model == results.params.target
        fill = BLUE if target else "white"
        axes.plot(size, fraction, "o", color=BLUE, markerfacecolor=fill, clip_on=False, zorder=3)
        # Where there are many, every second name is below.
        below = len(sizes) > FEW and place % 2 == 1 and not target
        text = f"{model}{' (target)' if target else ''}\n{percent(fraction / 100)}"
        style = {"ha": "center", "va": "top" if below else "bottom", "fontsize": 8}
        label(axes, text, (size, fraction), (0, -8 if below else 8), **style)
    axes.set_xscale("log")
    axes.margins(x=0.2)
    axes.set_ylim(0, max(max(fractions), 1e-9) * 1.3)
    axes.set_xlabel("parameters")
    axes.set_ylabel("memorized at the end\n(% of the training sequences)")
    return figure
