"""How long will it stay? What the rest of training brings, told from the middle of it.

The intensities of onset and loss, by exposure alone, go on from the states that are known at a
landmark: which part of the remaining training is a sequence expected to be memorized, and is what
is memorized now so for good? Beside it stands the rule that each state stays as it is.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from memorization.evaluation.bootstrap import Bootstrap, Replicated
from memorization.evaluation.crossfit import folds
from memorization.evaluation.intervals import LOGIT, SKILL, Scale
from memorization.evaluation.metrics.sums import OfWeights, ratio, weighted_mean
from memorization.intensities.clock import reached
from memorization.intensities.effects import fit_clock, not_identified
from memorization.parallel import side_by_side
from memorization.study import Study
from memorization.when.landmarks import PERCENTS


def remaining(
    study: Study, bootstrap: Bootstrap, processes: int = 1
) -> dict[str, dict[str, Any]] | None:
    """Return how well the exposure clock tells at landmarks what the rest of training brings.

    From the states so far and the exposures to come, out of fold.

    Returns
    -------
    dict
        percentage of training -> ``share`` of the rest that is spent memorized: ``observed``,
        ``expected``, and ``skill_over_now``, the part of the squared error that is saved of
        expecting each state to stay as it is; ``kept``: of the ``n`` memorized now, the shares
        ``observed`` and ``expected`` to be so at every later checkpoint. None where exposures or
        some states are not known, or the checkpoints are few.
    """
    histories = study.known_histories
    if histories.seen is None or not histories.observed.all() or not_identified(study.steps):
        return None
    held_out = list(folds(study))
    parts = side_by_side(_rest, held_out, study, processes=processes)
    rest = np.empty((len(study), *parts[0].shape[1:]))
    for fold, part in zip(held_out, parts, strict=True):
        rest[study.fold == fold] = part
    return {
        str(percent): _scored(study, reached(study.steps, percent), rest[:, place], bootstrap)
        for place, percent in enumerate(PERCENTS)
    }


def _rest(fold: int, study: Study) -> np.ndarray:
    """Return what is expected of a fold's m rows at each landmark, float [m, landmarks, 2].

    The share of the rest of training that they are memorized, and the probability to be so at every
    later checkpoint.
    """
    others = fit_clock(study.take(study.fold != fold))
    histories = study.take(study.fold == fold).known_histories
    found = []
    for percent in PERCENTS:
        at = reached(study.steps, percent)
        forecast = others.forecast(histories, known=histories.memorized[:, : at + 1])
        share = forecast.memorized @ _lengths(study.steps, at)
        found.append(np.stack([share, forecast.durable[:, 0]], axis=1))
    return np.stack(found, axis=1)


def _lengths(steps: np.ndarray, at: int) -> np.ndarray:
    """Return which part of what remains after a checkpoint ends with each later one, float [k]."""
    return np.diff(steps[at:]) / (steps[-1] - steps[at])


def _scored(study: Study, at: int, rest: np.ndarray, bootstrap: Bootstrap) -> dict[str, Any]:
    expected, stays = rest.T
    memorized = study.known_histories.memorized
    now, later = memorized[:, at].astype(np.float64), memorized[:, at + 1 :]
    share, kept = later @ _lengths(study.steps, at), now * later.all(axis=1)
    error, of_now = (share - expected) ** 2, (share - now) ** 2
    effective = float(bootstrap.effective(study.weight, now > 0))

    def estimate(metric: OfWeights, scale: Scale = LOGIT) -> dict[str, float]:
        value = float(metric(study.weight))
        replicates = bootstrap.replicate(metric, study.weight)
        return Replicated(value, replicates, effective, scale).estimate(bootstrap.level)

    return {
        "share": {
            "observed": estimate(lambda w: weighted_mean(share, w)),
            "expected": float(weighted_mean(expected, study.weight)),
            "skill_over_now": estimate(lambda w: 1 - ratio(w @ error, w @ of_now), SKILL),
        },
        "kept": {
            "n": int(now.sum()),
            "observed": estimate(lambda w: ratio(w @ kept, w @ now)),
            "expected": float(ratio(study.weight @ (now * stays), study.weight @ now)),
        },
    }
