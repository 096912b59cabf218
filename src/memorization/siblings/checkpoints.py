"""The target's own earlier checkpoints as predictors of what it has memorized at the end.

Not an answer from the data: one must have begun to train the target. It is the upper reference of
tier ``target``, reported apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from memorization.evaluation.bootstrap import Bootstrap
from memorization.evaluation.intervals import interval
from memorization.evaluation.metrics.decision import decision_metrics, set_confusion
from memorization.labels.trajectories import Trajectories
from memorization.study import Study

# Checkpoints to report: enough for a smooth curve on a logarithmic axis.
REPORTED = 16

# Metrics that are reported with an interval.
BOUNDED = ("precision", "recall")


def reported(steps: np.ndarray, memorized: np.ndarray, most: int = REPORTED) -> np.ndarray:
    """Return which checkpoints to report, int [k]: on a logarithmic grid, without the last.

    From the first at which anything is memorized: one that says no to everything is no predictor.

    Parameters
    ----------
    steps : int [c], ascending; the last is the end of training.
    memorized : bool [n, c].
    most : k is at most this.

    >>> steps = 10 * np.arange(1, 101)
    >>> steps[reported(steps, steps[None] > 30, 6)].tolist()
    [40, 80, 140, 270, 520, 990]
    """
    candidates = np.flatnonzero(np.logical_or.accumulate(memorized.any(axis=0))[:-1])
    if not len(candidates):
        return candidates
    grid = np.geomspace(steps[candidates[0]], steps[candidates[-1]], most)
    # The nearest checkpoint in proportion, each once.
    distance = np.abs(np.log(grid[:, None] / steps[candidates]))
    return candidates[np.unique(distance.argmin(axis=1))]


def checkpoint_metrics(
    study: Study, trajectories: Trajectories, bootstrap: Bootstrap
) -> dict[str, Any]:
    """Return metrics of "memorized if it is so at this checkpoint", one entry a checkpoint.

    A sequence that a checkpoint was not evaluated on is predicted not to be memorized, so that
    recall is of the whole population. Where evaluations are of what had been trained on by then,
    this punishes early checkpoints for what they could not have seen, so the same is also reported
    over the sequences that every reported checkpoint was evaluated on, which is what Biderman et
    al. 2023 did (github.com/EleutherAI/pythia, predictable-memorization/mem_graph.py,
    ``max_sequence_index``).

    Parameters
    ----------
    trajectories : of the sequences of the study, in their order.

    Returns
    -------
    dict
        ``step`` int [k]; ``population`` and ``evaluated``, each with ``accuracy``, ``f1``,
        ``precision``, ``recall`` and the bounds of the last two's intervals, ``…_low`` and
        ``…_high``, float [k], as lists; and ``evaluated_fraction``, the population's share of the
        second, which is None when it is everything.
    """
    columns = reported(trajectories.steps, trajectories.memorized)
    said, seen = (
        trajectories.memorized[:, columns],
        trajectories.observed[:, columns].all(axis=1),
    )

    def over(rows: np.ndarray) -> dict[str, list[float]]:
        def counts(weights: np.ndarray) -> np.ndarray:
            return _confusions(study.truth[rows], said[rows], weights)

        values = decision_metrics(counts(study.weight[rows]))
        own = bootstrap.take(rows)
        drawn = decision_metrics(own.replicate(counts, study.weight[rows]))
        effective = own.effective(study.weight[rows], study.truth[rows])
        found = {name: value.tolist() for name, value in values.items()}
        for name in BOUNDED:
            low, high = interval(values[name], drawn[name], effective, own.level)
            found[f"{name}_low"], found[f"{name}_high"] = low.tolist(), high.tolist()
        return found

    return {
        "step": trajectories.steps[columns].tolist(),
        "population": over(np.ones(len(study), bool)),
        "evaluated": None if np.all(seen) else over(np.asarray(seen)),
        "evaluated_fraction": float(np.average(seen, weights=study.weight)),
    }


def published_metrics(
    evaluations: Mapping[int, np.ndarray],
    memorized: np.ndarray,
    population: int,
    sequences_per_step: int,
) -> dict[str, Any]:
    """Return the same as `checkpoint_metrics` from complete evaluations: exact, so no intervals.

    Parameters
    ----------
    evaluations : step before the last -> distinct ``index`` of what was memorized then, among the
        sequences trained on by then.
    memorized : distinct ``index`` of what is memorized at the end.
    population : number of sequences.
    sequences_per_step : of training.

    >>> early = {2: np.array([1, 3]), 4: np.array([1, 6])}
    >>> found = published_metrics(early, np.array([1, 2, 6]), 10, 2)
    >>> found["population"]["precision"], found["evaluated"]["precision"]
    ([0.5, 1.0], [0.5, 1.0])
    >>> [round(recall, 3) for recall in found["population"]["recall"]], found["evaluated"]["recall"]
    ([0.333, 0.667], [0.5, 0.5])
    """
    steps = sorted(evaluations)
    # What the first was evaluated on, all were.
    shared = sequences_per_step * steps[0]

    def below(limit: int) -> dict[str, list[float | None]]:
        truth = memorized[memorized < limit]
        said = [evaluations[step] for step in steps]
        counts = np.array([set_confusion(truth, one[one < limit], limit) for one in said])
        exact = {name: values.tolist() for name, values in decision_metrics(counts).items()}
        bounds = [f"{name}_{side}" for name in BOUNDED for side in ("low", "high")]
        return exact | {name: [None] * len(steps) for name in bounds}

    return {
        "step": steps,
        "population": below(population),
        "evaluated": below(shared),
        "evaluated_fraction": shared / population,
    }


def _confusions(truth: np.ndarray, said: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Return the weight of each outcome at each checkpoint, float [..., k, 4]."""
    hits = weight @ (truth[:, None] & said).astype(np.float64)
    positive = weight @ said.astype(np.float64)
    true = (weight @ truth.astype(np.float64))[..., None]
    total = weight.sum(axis=-1)[..., None]
    rest = total - positive - true + hits
    return np.stack(np.broadcast_arrays(hits, positive - hits, true - hits, rest), axis=-1)
