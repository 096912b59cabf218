"""How does memory come and go?"""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from memorization.randomness import generator
from memorization.report.drawing import BLUE, in_words
from memorization.report.results import Results

ALT = (
    "A hundred sequences as rows, sorted by their first onset, against the optimizer step. A row "
    "is blue where the sequence is memorized and blank where it is not."
)

SHOWN = 100


def draw(results: Results) -> Figure:
    """Return the states of a hundred sequences at every checkpoint, sorted by their first onset.

    Drawn at random from those that are ever memorized, by how many sequences each stands for.
    """
    memorized = results.histories.memorized
    ever = np.flatnonzero(memorized.any(axis=1))
    if not len(ever) or len(results.steps) < 2:
        return in_words("No sequence was seen to be memorized at some checkpoint and not before.")
    weight = results.when_weight[ever]
    rng = generator(results.params.seed, "figure of trajectories")
    size = min(SHOWN, len(ever))
    rows = rng.choice(ever, size, replace=False, p=weight / weight.sum())
    rows = rows[np.argsort(memorized[rows].argmax(axis=1), kind="stable")]
    figure = Figure(figsize=(6.5, 3.2))
    axes = figure.subplots()
    edges = np.append(0, results.steps)
    # Each spell of memory is a line, from the checkpoint before its first to its last.
    padded = np.pad(memorized[rows].astype(np.int8), ((0, 0), (1, 1)))
    change = np.diff(padded, axis=1)
    place, start = np.nonzero(change == 1)
    _, stop = np.nonzero(change == -1)
    axes.hlines(place, edges[start], edges[stop], color=BLUE, linewidth=1.4)
    axes.set_xlim(0, results.steps[-1])
    axes.set_ylim(-1, size)
    axes.invert_yaxis()
    axes.set_xlabel("optimizer step of the checkpoint")
    axes.set_ylabel("sequences, by first onset")
    axes.grid(visible=False)
    return figure
