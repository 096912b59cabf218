"""How do onset and loss depend on exposure, and on how long a sequence has been in its state?"""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from memorization.evaluation.bootstrap import Bootstrap
from memorization.evaluation.intervals import interval
from memorization.evaluation.metrics.sums import ratio
from memorization.intensities.clock import since_seen
from memorization.intensities.transitions import AGES, Periods, transitions
from memorization.report.drawing import BLUE, GREEN, VERMILION, in_words
from memorization.report.results import Results

ALT = (
    "Three panels of the chance of a transition from one checkpoint to the next, on a "
    "logarithmic axis: by exposures so far, by checkpoints since the last exposure, and by "
    "checkpoints spent in the state. Circles are first onsets, squares onsets again, diamonds "
    "losses; bars are intervals."
)

LOOKS = {"first": (BLUE, "o"), "again": (GREEN, "s"), "loss": (VERMILION, "D")}
NAMES = {"first": "first onset", "again": "onset again", "loss": "loss"}
# Of exposures so far, and of checkpoints since the last.
SEEN = np.array([1, 2, 4, 8, 16, 32, 64, 128, 256])
SINCE = np.array([0, 1, 2, 4, 8, 16, 32])
# A rate of fewer events is not shown.
FEWEST = 5


def rates(
    results: Results, periods: Periods, group: np.ndarray, bootstrap: Bootstrap
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return the groups with enough events, and their weighted rates with intervals, [g] each.

    Parameters
    ----------
    group : int [m], of each row of the person-period table; -1: none.
    """
    n, n_groups = len(results.followed), int(group.max(initial=0)) + 1
    events, at_risk = np.zeros((2, n, n_groups))
    known = group >= 0
    np.add.at(at_risk, (periods.row[known], group[known]), 1.0)
    happened = known & periods.event
    np.add.at(events, (periods.row[happened], group[happened]), 1.0)
    weight = results.when_weight

    def of_weights(w: np.ndarray) -> np.ndarray:
        return ratio(w @ events, w @ at_risk)

    value = of_weights(weight)
    shown = np.flatnonzero(events.sum(axis=0) >= FEWEST)
    if not len(shown):
        return shown, value[shown], value[shown], value[shown]
    low, high = interval(
        value[shown],
        bootstrap.replicate(of_weights, weight)[:, shown],
        bootstrap.effective(weight, events[:, shown] > 0),
        bootstrap.level,
    )
    return shown, value[shown], low, high


def draw(results: Results) -> Figure:
    """Return the rates of the three transitions a checkpoint, by exposure and by time in the state.

    Observed, weighted to the population, with intervals over texts.
    """
    histories = results.histories
    if histories.seen is None or len(results.steps) < 2:
        return in_words("How often sequences were met by each checkpoint is not known.")
    since = since_seen(histories)
    figure = Figure(figsize=(6.5, 2.6))
    axes = figure.subplots(1, 3, sharey=True)
    for name, periods in transitions(histories).items():
        seen = histories.seen[periods.row, periods.at]
        by_seen = np.searchsorted(SEEN, seen, side="right") - 1
        by_since = np.searchsorted(SINCE, since[periods.row, periods.at], side="right") - 1
        panels = [(by_seen, SEEN), (np.where(seen > 0, by_since, -1), SINCE)]
        panels += [(periods.age, AGES)] if name != "first" else []
        for panel, (group, edges) in zip(axes[: len(panels)], panels, strict=True):
            _draw(panel, results, periods, group, edges, name)
    for panel, text in zip(
        axes,
        ("exposures so far", "checkpoints since\nthe last exposure", "checkpoints in\nthe state"),
        strict=True,
    ):
        panel.set_xlabel(text)
    axes[0].set_yscale("log")
    for panel in axes:
        panel.minorticks_off()
    axes[0].set_ylabel("chance a checkpoint")
    if axes[0].get_legend_handles_labels()[0]:
        axes[0].legend(loc="lower right")
    return figure


def _draw(
    axes: Axes,
    results: Results,
    periods: Periods,
    group: np.ndarray,
    edges: np.ndarray,
    name: str,
) -> None:
    shown, value, low, high = rates(results, periods, group, results.when_bootstrap)
    # Even places, named by where a group begins.
    colour, marker = LOOKS[name]
    axes.vlines(shown, low, high, color=colour, linewidth=1)
    if len(shown):
        axes.plot(shown, value, color=colour, marker=marker, markersize=3.5, label=NAMES[name])
    # Where there are many, every second is named.
    every = 2 if len(edges) > 7 else 1
    names = ["" if k % every else str(edge) for k, edge in enumerate(edges)]
    axes.set_xticks(range(len(edges)), names)
