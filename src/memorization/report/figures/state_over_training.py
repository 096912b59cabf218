"""Is what is expected at each checkpoint what happens there?"""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from memorization.evaluation.intervals import interval
from memorization.report.drawing import BLACK, FEWEST, GREY, in_words, label, looks
from memorization.report.results import Results
from memorization.report.wording import model_name, stratum_name
from memorization.strata import STRATA, stratum_of

ALT = (
    "Panels, one for each band of how often the continuation was met, of the share memorized "
    "against the optimizer step. A black line with a grey band is what was observed; coloured "
    "lines are what three models expect."
)

# Models whose forecasts are shown, each of the highest tier that it has.
MODELS = ("exposure_clock", "logistic", "boosting")


def draw(results: Results) -> Figure:
    """Return the share memorized at each checkpoint, observed and expected, by count.

    Observed with a cluster-bootstrap band; expected out of fold.
    """
    seen = results.histories.seen
    if not results.when_done or seen is None:
        return in_words("When is not answered, or how often sequences were met is not known.")
    stratum = stratum_of(seen[:, -1])
    memorized = results.histories.memorized
    shown = [
        place
        for place in range(len(STRATA))
        if memorized[stratum == place].any(axis=1).sum() >= FEWEST
    ]
    forecasts = _forecasts(results)
    if not shown or not forecasts:
        return in_words("Too few sequences are memorized, or no model tells their state.")
    figure = Figure(figsize=(6.5, 2.7))
    axes = figure.subplots(1, len(shown), squeeze=False)[0]
    for panel, place in zip(axes, shown, strict=True):
        _draw(panel, results, stratum == place, forecasts)
        name = f"{stratum_name(list(STRATA)[place])}×"
        label(panel, name, (0.04, 0.93), (0, 0), "axes fraction", fontsize=8, color=GREY)
    axes[0].set_ylabel("memorized (%)")
    for panel in axes:
        panel.set_xlabel("optimizer step")
    handles, names = axes[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper right", ncols=len(names))
    return figure


def _forecasts(results: Results) -> dict[str, np.ndarray]:
    """Return model -> probability of being memorized, float [n, c], rows as followed."""
    highest = {model: tier for tier, model, _ in results.scored("when")}
    found = {
        model: results.chance_memorized(highest[model], model)
        for model in MODELS
        if model in highest
    }
    return {model: chance for model, chance in found.items() if chance is not None}


def _draw(axes: Axes, results: Results, rows: np.ndarray, forecasts: dict[str, np.ndarray]) -> None:
    weight, steps = results.when_weight[rows], results.steps
    states = results.histories.memorized[rows].astype(np.float64)
    bootstrap = results.when_bootstrap.take(rows)

    def share(w: np.ndarray) -> np.ndarray:
        return (w @ states) / w.sum(axis=-1, keepdims=True)

    value = share(weight)
    low, high = interval(
        value,
        bootstrap.replicate(share, weight),
        bootstrap.effective(weight, states > 0),
        bootstrap.level,
    )
    enough = (states > 0).sum(axis=0) >= FEWEST
    axes.fill_between(
        steps, 100 * low, 100 * high, where=enough, color=BLACK, alpha=0.12, linewidth=0
    )
    axes.plot(steps, 100 * value, color=BLACK, linewidth=1.2, label="observed")
    for look, (model, expected) in zip(looks(len(forecasts)), forecasts.items(), strict=True):
        mean = 100 * weight @ expected[rows] / weight.sum()
        style = {"color": look.colour, "linestyle": look.dashes, "linewidth": 1.1}
        axes.plot(steps, mean, label=model_name(model).lower(), **style)
    axes.set_xlim(0, steps[-1])
