"""How early can one know, and what must one look at? Prediction from the middle of training.

At a landmark, a part of training, the state at the end, or a tenth of training later, is predicted
from what is known by then (van Houwelingen 2007, "Dynamic prediction by landmarking in event
history analysis"): of the data and the exposures so far, of what the model itself does with the
text, or of both. Beside it stands the rule that needs no model: what is memorized now, stays so
(Biderman et al. 2023).

And how long will it stay? The intensities of onset and loss, by exposure alone, go on from the
states that are known at a landmark: which part of the remaining training is a sequence expected to
be memorized, and is what is memorized now so for good?
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression

from memorization.evaluation.bootstrap import Bootstrap, Estimate, Replicated
from memorization.evaluation.crossfit import folds, unit_weight
from memorization.evaluation.intervals import LOGIT, SKILL, Scale
from memorization.evaluation.metrics.ranking import average_precision
from memorization.evaluation.metrics.sums import OfWeights, ratio, weighted_mean
from memorization.evaluation.penalty import best_c
from memorization.features import feature_of
from memorization.intensities.clock import EXPOSURE, clock, reached
from memorization.intensities.covariates import Covariates
from memorization.intensities.effects import fit_clock, not_identified
from memorization.labels.trajectories import Trajectories
from memorization.parallel import side_by_side
from memorization.study import Study

PERCENTS = tuple(range(10, 100, 10))
LATER = 10
GRID, DEFAULT = (0.01, 0.1), 0.01
# Fewer memorized ones, or others, of a population at a landmark, and nothing is said of it.
FEWEST = 10

# What is looked at -> whether at the data, and whether at the model.
SETS = {"data": (True, False), "model": (False, True), "both": (True, True)}


def landmarks(
    study: Study,
    trajectories: Trajectories,
    step_seen: np.ndarray,
    bootstrap: Bootstrap,
    processes: int = 1,
) -> dict[str, Any] | None:
    """Return how well the end, and the state a tenth of training later, are known at landmarks.

    Parameters
    ----------
    study : with histories, observed at every checkpoint.
    trajectories : of the same n rows.
    step_seen : int [n], the step in which a sequence's own row is trained on.

    Returns
    -------
    dict
        target (``end``, ``later``) -> population (``seen``: its own row was, by then; ``not_yet``)
        -> percentage of training -> ``n``, ``cases``, ``rule`` (``precision``, ``recall`` and, of
        the rule as a score, ``average_precision``) and, by
        what is looked at (`SETS`), ``average_precision``, ``precision`` at the rule's recall and
        ``recall`` at the rule's precision. None where not every checkpoint was evaluated by a scan.
    """
    if (
        not study.known_histories.observed.all()
        or np.isnan(trajectories.continuation_logprob).any()
    ):
        return None
    plans = [(target, percent) for target in ("end", "later") for percent in PERCENTS]
    found = side_by_side(
        _landmark, plans, study, trajectories, step_seen, bootstrap, processes=processes
    )
    by_target: dict[str, Any] = {}
    for (target, percent), content in zip(plans, found, strict=True):
        for population, values in content.items():
            by_target.setdefault(target, {}).setdefault(population, {})[str(percent)] = values
    return by_target


def _landmark(
    plan: tuple[str, int],
    study: Study,
    trajectories: Trajectories,
    step_seen: np.ndarray,
    bootstrap: Bootstrap,
) -> dict[str, Any]:
    target, percent = plan
    steps, memorized = study.steps, study.known_histories.memorized
    at, then = (reached(steps, part) for part in (percent, percent + LATER))
    truth = memorized[:, -1 if target == "end" else then]
    scores = {
        name: _out_of_fold(study, truth, _known(study, trajectories, at, *looks), name)
        for name, looks in SETS.items()
    }
    seen = step_seen <= steps[at]
    return {
        population: _scored(
            study.take(rows), truth[rows], memorized[rows, at],
            {name: score[rows] for name, score in scores.items()}, bootstrap.take(rows),
        )
        for population, rows in (("seen", seen), ("not_yet", ~seen))
        if min(truth[rows].sum(), (~truth[rows]).sum()) >= FEWEST
    }  # fmt: skip


def _known(
    study: Study, trajectories: Trajectories, at: int, data: bool, model: bool
) -> pd.DataFrame:
    """Return what is known at a checkpoint."""
    parts = []
    if data:
        named = [str(name) for name in study.features]
        parts.append(study.features[[n for n in named if feature_of(n).tier in ("text", "corpus")]])
        own = clock(study.known_histories)
        parts.append(pd.DataFrame({n: own[n][:, at] for n in EXPOSURE if n in own}))
    if model:
        parts.append(
            pd.DataFrame(
                {
                    "memorized": trajectories.memorized[:, at].astype(np.float64),
                    "match_length": trajectories.match_length[:, at].astype(np.float64),
                    "logprob": trajectories.continuation_logprob[:, at].astype(np.float64),
                }
            )
        )
    return pd.concat([part.reset_index(drop=True) for part in parts], axis=1)


def _out_of_fold(study: Study, truth: np.ndarray, known: pd.DataFrame, name: str) -> np.ndarray:
    """Return each row's log-odds by a logistic regression fitted to the other folds, float [n]."""
    score = np.zeros(len(study))
    for fold in folds(study):
        train, test = study.fold != fold, study.fold == fold
        if truth[train].all() or not truth[train].any():
            continue
        covariates = Covariates.fit(known[train], study.weight[train])
        x, weight = covariates.transform(known[train]), unit_weight(study.weight[train])
        c = 1.0
        if SETS[name][0]:
            c = best_c(x, truth[train], weight, study.fold[train], GRID, DEFAULT, "newton-cholesky")
        model = LogisticRegression(C=c, solver="newton-cholesky", max_iter=200)
        model.fit(x, truth[train], sample_weight=weight)
        score[test] = model.decision_function(covariates.transform(known[test]))
    return score


def _scored(
    study: Study,
    truth: np.ndarray,
    rule: np.ndarray,
    scores: Mapping[str, np.ndarray],
    bootstrap: Bootstrap,
) -> dict[str, Any]:
    estimate = functools.partial(_estimate, study, truth, bootstrap)
    found: dict[str, Any] = {
        "n": len(truth),
        "cases": int(truth.sum()),
        "rule": {
            "precision": estimate(lambda w: ratio(w @ (rule & truth), w @ rule.astype(float))),
            "recall": estimate(lambda w: ratio(w @ (rule & truth), w @ truth.astype(float))),
            "average_precision": estimate(average_precision.prepare(truth, rule.astype(float))),
        },
    }
    for name, score in scores.items():
        matched = Matched(truth, score, rule)
        found[name] = {
            "average_precision": estimate(average_precision.prepare(truth, score)),
            "precision": estimate(matched.precision),
            "recall": estimate(matched.recall),
        }
    return found


def _estimate(
    study: Study,
    cases: np.ndarray,
    bootstrap: Bootstrap,
    metric: OfWeights,
    scale: Scale = LOGIT,
) -> Estimate:
    value, replicates = float(metric(study.weight)), bootstrap.replicate(metric, study.weight)
    effective = float(bootstrap.effective(study.weight, cases))
    return Replicated(value, replicates, effective, scale).estimate(bootstrap.level)


class Matched:
    """A score's precision and recall where its recall or precision is that of a rule.

    Functions of the weights, float [..., n]; rows of equal score are taken together.

    >>> truth, rule = np.array([1, 1, 0, 0], bool), np.array([1, 0, 1, 0], bool)
    >>> matched = Matched(truth, np.array([4.0, 3.0, 2.0, 1.0]), rule)
    >>> float(matched.precision(np.ones(4))), float(matched.recall(np.ones(4)))
    (1.0, 1.0)
    """

    def __init__(self, truth: np.ndarray, score: np.ndarray, rule: np.ndarray) -> None:
        """Sort the rows, of truth, score and rule [n], once."""
        self.order = np.argsort(-score, kind="stable")
        self.truth, self.rule = truth.astype(np.float64), rule.astype(np.float64)
        ranked = score[self.order]
        self.last = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))

    def precision(self, weight: np.ndarray) -> np.ndarray:
        """Return the precision at the highest threshold with the rule's recall or more."""
        hits, taken = self._sums(weight)
        wanted = (weight @ (self.rule * self.truth))[..., None]
        # The rule's own sum, added up in another order, may differ in its last bits.
        place = (hits < wanted * (1 - 1e-12)).sum(axis=-1, keepdims=True)
        place = np.minimum(place, hits.shape[-1] - 1)
        above, below = (np.take_along_axis(s, place, axis=-1)[..., 0] for s in (hits, taken))
        return np.where(wanted[..., 0] > 0, ratio(above, below), np.nan)

    def recall(self, weight: np.ndarray) -> np.ndarray:
        """Return the largest recall at the rule's precision or more; 0 where it is not reached."""
        hits, taken = self._sums(weight)
        wanted = ratio(weight @ (self.rule * self.truth), weight @ self.rule)[..., None]
        reached = ratio(hits, taken, empty=0.0) >= wanted - 1e-12
        best = np.where(reached, hits, 0.0).max(axis=-1)
        return np.where(np.isnan(wanted[..., 0]), np.nan, ratio(best, weight @ self.truth))

    def _sums(self, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        own = np.take(np.asarray(weight, dtype=np.float64), self.order, axis=-1)
        hits = np.cumsum(own * self.truth[self.order], axis=-1)[..., self.last]
        return hits, np.cumsum(own, axis=-1)[..., self.last]


def remaining(
    study: Study, bootstrap: Bootstrap, processes: int = 1
) -> dict[str, dict[str, Any]] | None:
    """Return how well the exposure clock tells at landmarks what the rest of training brings.

    From the states so far and the exposures to come, out of fold, beside the rule that each state
    stays as it is.

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
        str(percent): _brought(study, reached(study.steps, percent), rest[:, place], bootstrap)
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


def _brought(study: Study, at: int, rest: np.ndarray, bootstrap: Bootstrap) -> dict[str, Any]:
    expected, stays = rest.T
    memorized = study.known_histories.memorized
    now, later = memorized[:, at].astype(np.float64), memorized[:, at + 1 :]
    share, kept = later @ _lengths(study.steps, at), now * later.all(axis=1)
    error, of_now = (share - expected) ** 2, (share - now) ** 2
    estimate = functools.partial(_estimate, study, now > 0, bootstrap)
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
