"""The whole answer: whether *when* can be asked of a study, and what the models say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from memorization.evaluation.bootstrap import Bootstrap, Replicated, gains
from memorization.evaluation.crossfit import Candidate, candidates, cross_fit, folds
from memorization.parallel import side_by_side
from memorization.study import Study
from memorization.tables import WHEN, empty_table, survival_column
from memorization.when.kaplan_meier import survival_curves
from memorization.when.models import SurvivalModel
from memorization.when.scores import event_statistics, score

# Fewer events than this in the training folds are no basis for any model.
MIN_EVENTS = 10

# Of which differences between models are reported.
GAINED = ("concordance", "concordance_memorized", "brier_skill", "absolute_error_steps")


@dataclass(frozen=True)
class Analysis:
    """What the when stage writes.

    Attributes
    ----------
    curves : DataFrame, as `memorization.tables.KAPLAN_MEIER`: observed survival by count.
    predictions : DataFrame, as `memorization.tables.WHEN`.
    metrics : dict, `event_statistics`; tier -> model -> metric -> value, low, high; ``gains`` of
        `GAINED`; ``left_out``, the models for want of a feature, with that feature.
    fitted : dict, (tier, model) -> survival model fitted to the whole sample.
    """

    curves: pd.DataFrame
    predictions: pd.DataFrame
    metrics: dict[str, Any]
    fitted: dict[tuple[str, str], SurvivalModel]


def planned(
    study: Study, models: Mapping[str, type[SurvivalModel]]
) -> tuple[list[Candidate], dict[str, str]]:
    """Return every model at every tier that it is reported in; and which are left out, and why."""
    return candidates(models, study.tiers, "when")


def not_done(times: Mapping[str, Any], study: Study) -> str | None:
    """Return why the question cannot be asked, in words; None where it can.

    Every fold's training rows need `MIN_EVENTS` events.

    Parameters
    ----------
    times : where the times come from, as in ``results/metrics/labels.json``: ``source`` and
        ``reason``.
    """
    if times["source"] == "none":
        return str(times["reason"])
    event = study.times.event
    if study.times.n_times < 2:
        return "one checkpoint alone was evaluated, which tells no times (labels.checkpoints)"
    events = {fold: int(event[study.fold != fold].sum()) for fold in folds(study)}
    fewest = min(events, key=lambda fold: events[fold])
    if events[fewest] >= MIN_EVENTS:
        return None
    return (
        f"only {int(event.sum())} of the sequences studied have the event, {events[fewest]} "
        f"outside fold {fewest}, and at least {MIN_EVENTS} are needed there; more can be studied "
        "(sequences.followed, of Pythia pythia.sequences)"
    )


def analyse(
    study: Study,
    models: Mapping[str, type[SurvivalModel]],
    bootstrap: Bootstrap,
    advance: Callable[[int], object] = lambda done: None,
    processes: int = 1,
) -> Analysis:
    """Return observed survival, and every model's survival out of fold with its scores.

    ``brier_skill`` is against the model kaplan_meier, where that is among the models.

    Parameters
    ----------
    models : by name.
    advance : told ``1`` after each model at a tier.
    processes : to use at most; the result does not depend on it.
    """
    runs, left_out = planned(study, models)
    known = next((run for run in runs if run.name == "kaplan_meier"), None)
    reference = None if known is None else cross_fit(known, study).prediction
    found = side_by_side(
        _examine, runs, study, bootstrap, reference, processes=processes, advance=advance
    )
    metrics: dict[str, Any] = {}
    for run, result in zip(runs, found, strict=True):
        metrics.setdefault(run.tier, {})[run.name] = result.metrics
    gained = {run.key: result.gained for run, result in zip(runs, found, strict=True)}
    baselines = {run.name for run in runs if run.model.is_baseline}
    metrics["gains"] = gains(gained, baselines, bootstrap.level)
    fitted = side_by_side(_fit, runs, study, processes=processes)
    parts = [
        _predictions(study, run, result.survival) for run, result in zip(runs, found, strict=True)
    ]
    return Analysis(
        curves=survival_curves(study, bootstrap),
        predictions=pd.concat(parts, ignore_index=True) if parts else empty_table(WHEN),
        metrics={"left_out": left_out, **event_statistics(study), **metrics},
        fitted={run.key: model for run, model in zip(runs, fitted, strict=True)},
    )


@dataclass(frozen=True)
class _Result:
    survival: np.ndarray
    metrics: dict[str, Any]
    gained: dict[str, Replicated]


def _examine(
    run: Candidate, study: Study, bootstrap: Bootstrap, reference: np.ndarray | None
) -> _Result:
    """Return the survival and the scores of one model at one tier."""
    survival = cross_fit(run, study).prediction
    scores = score(study, survival, bootstrap, reference)
    return _Result(
        survival,
        {metric: value.estimate(bootstrap.level) for metric, value in scores.items()},
        {metric: scores[metric] for metric in GAINED if metric in scores},
    )


def _fit(run: Candidate, study: Study) -> SurvivalModel:
    model = run.fit(study)
    assert isinstance(model, SurvivalModel)
    return model


def _predictions(study: Study, run: Candidate, survival: np.ndarray) -> pd.DataFrame:
    n = len(study)
    return pd.DataFrame(
        {
            "index": study.index.astype(np.int64),
            "model": pd.Series([run.name] * n, dtype=object),
            "tier": pd.Series([run.tier] * n, dtype=object),
            "fold": study.fold.astype(np.int32),
            "survival": survival_column(survival),
        }
    )
