"""What is the study about?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from memorization.report.drawing import BLUE, GREY, in_words
from memorization.report.results import Results
from memorization.report.wording import stratum_name
from memorization.strata import STRATA, stratum_of

ALT = (
    "A few texts as rows against the optimizer step, natural ones above those of the lottery. "
    "Ticks are the steps at which the continuation is trained on, and bars above them show while "
    "the text is memorized, with gaps where it is lost again."
)

# Natural texts are of these strata of the count, most frequent last; fewer hardly have a state.
BANDS = ("20-49", "50-99", "100+")
# Of the lottery, at an equal number of copies, in this order.
CELLS = ("early", "random", "late")


@dataclass(frozen=True)
class Row:
    """A text: its name, the steps of its exposures, and its state at each checkpoint, bool [c]."""

    name: str
    exposures: np.ndarray
    memorized: np.ndarray


def draw(results: Results) -> Figure:
    """Return exposures and states of a few natural texts and of some of the lottery."""
    rows = [*_natural(results), *_of_lottery(results)]
    if not rows:
        return in_words("No text was followed through training with all of its exposures known.")
    figure = Figure(figsize=(6.5, 0.6 + 0.36 * len(rows)))
    axes = figure.subplots()
    edges = np.append(0, results.steps)
    for place, row in enumerate(rows):
        change = np.diff(np.pad(row.memorized.astype(np.int8), 1))
        start, stop = np.flatnonzero(change == 1), np.flatnonzero(change == -1)
        axes.hlines([place - 0.17] * len(start), edges[start], edges[stop], BLUE, linewidth=5)
        axes.vlines(row.exposures, place + 0.05, place + 0.33, GREY, linewidth=0.6)
    axes.set_xlim(0, results.steps[-1])
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_yticks(range(len(rows)), [row.name for row in rows])
    axes.set_xlabel("optimizer step")
    axes.grid(visible=False)
    return figure


def _natural(results: Results) -> list[Row]:
    """Return the first followed sequence of each band that is memorized at some checkpoint."""
    histories = results.histories
    if histories.seen is None:
        return []
    band = stratum_of(histories.seen[:, -1])
    found = []
    for name in BANDS:
        own = np.flatnonzero((band == list(STRATA).index(name)) & histories.memorized.any(axis=1))
        if len(own):
            seen = histories.seen[own[0]]
            met = np.diff(np.append(0, seen))
            found.append(
                Row(
                    f"natural, {stratum_name(name)} times",
                    np.repeat(histories.steps, met),
                    histories.memorized[own[0]],
                )
            )
    return found


def _of_lottery(results: Results) -> list[Row]:
    """Return the units of the first block whose early one is memorized at some checkpoint."""
    units, states = results.units, results.unit_trajectories.memorized
    dose = results.params.arm.contrast_dose
    cells = {name: (units["cell"] == name).to_numpy() for name in CELLS}
    cells["random"] = (units["cell"] == str(dose)).to_numpy()
    early = units.loc[cells["early"] & states.any(axis=1), "block"]
    blocks = early if len(early) else units["block"]
    if not len(blocks):
        return []
    own = (units["block"] == blocks.min()).to_numpy()
    return [
        Row(
            f"lottery, {dose} {name}",
            np.asarray(units["exposure_steps"].iloc[place]),
            states[place],
        )
        for name in CELLS
        for place in np.flatnonzero(own & cells[name])
    ]
