"""How does the memorized part grow during training, and how much of it is lost again?"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from matplotlib.figure import Figure

from memorization.metrics.bootstrap import replicate
from memorization.protocol import CONTINUATION
from memorization.report.results import Results
from memorization.report.style import BLUE


def states(match_length: np.ndarray) -> dict[str, np.ndarray]:
    """Return who is memorized at each checkpoint, in three senses, each bool [n, c].

    ``now``: at this checkpoint. ``ever``: at this or an earlier one. ``for good``: from this one,
    or an earlier, on to the end.

    >>> match_length = np.array([[0, 32, 5, 32]])
    >>> {name: state[0].astype(int).tolist() for name, state in states(match_length).items()}
    {'now': [0, 1, 0, 1], 'ever': [0, 1, 1, 1], 'for good': [0, 0, 0, 1]}
    """
    now = match_length == CONTINUATION
    return {
        "now": now,
        "ever": np.logical_or.accumulate(now, axis=1),
        "for good": np.logical_and.accumulate(now[:, ::-1], axis=1)[:, ::-1],
    }


def draw(results: Results) -> Figure:
    """Return the population-weighted fractions over training, with cluster bootstrap bands."""
    steps = np.array(results.suite.steps)
    weight = results.sample["weight"].to_numpy()
    tail = (1 - results.params.bootstrap.level) / 2
    looks = {"ever": "ever so far", "now": "at this checkpoint", "for good": "from here to the end"}
    found = states(results.match_length)
    figure = Figure(figsize=(6.5, 2.8))
    panels = figure.subplots(1, len(looks), sharey=True)
    for axes, (name, label) in zip(panels, looks.items(), strict=True):
        state = found[name].astype(np.float64)
        replicates = replicate(_fraction, state, None, weight, results.drawn)
        low, high = 100 * np.quantile(replicates, [tail, 1 - tail], axis=0)
        axes.fill_between(steps, low, high, color=BLUE, alpha=0.15, linewidth=0)
        axes.plot(steps, 100 * _fraction(state, None, weight), color=BLUE)
        axes.set_title(label, pad=26)
        axes.set_xlim(0, steps[-1])
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


def _fraction(state: np.ndarray, _: None, weight: np.ndarray) -> np.ndarray:
    return weight @ state / weight.sum(axis=-1)[..., None]
