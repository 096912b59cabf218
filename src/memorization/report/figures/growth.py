"""How does the memorized part grow during training, and how much of it is lost again?"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from matplotlib.figure import Figure

from memorization.evaluation.intervals import interval
from memorization.report.drawing import BLUE, FEWEST, in_words
from memorization.report.results import Results

ALT = (
    "Three panels of the share of training sequences against the optimizer step: memorized at "
    "this checkpoint or before, memorized at this checkpoint, and memorized from this checkpoint "
    "on to the end. Shaded bands are intervals."
)

# Checkpoints so few that each is marked.
FEW = 20

# Floats of weights at a time: they are multiplied by a large matrix.
BLOCK = 2**22


def states(memorized: np.ndarray) -> dict[str, np.ndarray]:
    """Return who is memorized at each checkpoint, in three senses, each bool [n, c].

    ``now``: at this checkpoint. ``ever``: at this or an earlier one. ``for good``: from this one,
    or an earlier, on to the end.

    >>> memorized = np.array([[False, True, False, True]])
    >>> {name: state[0].astype(int).tolist() for name, state in states(memorized).items()}
    {'now': [0, 1, 0, 1], 'ever': [0, 1, 1, 1], 'for good': [0, 0, 0, 1]}
    """
    return {
        "now": memorized,
        "ever": np.logical_or.accumulate(memorized, axis=1),
        "for good": np.logical_and.accumulate(memorized[:, ::-1], axis=1)[:, ::-1],
    }


def draw(results: Results) -> Figure:
    """Return the population-weighted fractions over training, with cluster bootstrap bands.

    At each checkpoint, of the sequences that it was evaluated on: all of them in a scan; published
    evaluations cover what had been trained on by then.
    """
    steps, observed = results.steps, results.trajectories.observed
    if len(steps) < 2:
        return in_words("How the memorized part grows is not shown: only the end was evaluated.")
    weight, bootstrap = results.when_weight, results.when_bootstrap
    looks = {"ever": "ever so far", "now": "at this checkpoint", "for good": "from here to the end"}
    found = states(results.trajectories.memorized)
    figure = Figure(figsize=(6.5, 2.8))
    panels = figure.subplots(1, len(looks), sharey=True)
    for axes, (name, label) in zip(panels, looks.items(), strict=True):
        state = (found[name] & observed).astype(np.float64)
        looked_at = None if observed.all() else observed.astype(np.float64)
        fraction = partial(_fraction, state, looked_at)
        value = fraction(weight)
        low, high = interval(
            value,
            bootstrap.replicate(fraction, weight, BLOCK),
            bootstrap.effective(weight, state > 0),
            bootstrap.level,
        )
        enough = (state > 0).sum(axis=0) >= FEWEST
        axes.fill_between(
            steps, 100 * low, 100 * high, where=enough, color=BLUE, alpha=0.15, linewidth=0
        )
        # Points where there are few.
        marker = "o" if len(steps) <= FEW else ""
        axes.plot(steps, 100 * value, marker=marker, ls="-", color=BLUE)
        axes.set_title(label, pad=26)
        axes.set_xlim(0, steps[-1] * (1.02 if len(steps) <= FEW else 1))
        share = steps[-1] / 100
        top = axes.secondary_xaxis("top", functions=(_over(share), _over(1 / share)))
        top.set_xticks([0, 25, 50, 75, 100], ["0", "25", "50", "75", "100%"])
        top.spines["top"].set_visible(False)
    panels[0].set_ylim(bottom=0)
    panels[0].set_ylabel("memorized\n(% of the training sequences)")
    figure.supxlabel("optimizer step of the checkpoint (above: training done)", fontsize=8.5)
    return figure


def _over(scale: float) -> Callable[[np.ndarray], np.ndarray]:
    return lambda x: x / scale


def _fraction(state: np.ndarray, looked_at: np.ndarray | None, weight: np.ndarray) -> np.ndarray:
    if looked_at is None:
        return weight @ state / weight.sum(axis=-1)[..., None]
    return weight @ state / np.maximum(weight @ looked_at, np.finfo(float).tiny)
