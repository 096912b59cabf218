"""The whole answer: whether *when* can be asked of a study, and what the models say."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from memorization.evaluation.bootstrap import Bootstrap, Replicated, gains, gains_over_best
from memorization.evaluation.crossfit import Candidate, Model, candidates, cross_fit, folds
from memorization.intensities.effects import effects, not_identified
from memorization.parallel import side_by_side
from memorization.strata import STRATA, finest_count, stratum_of
from memorization.study import Study
from memorization.tables import WHEN, curves_column, empty_table
from memorization.when.models import SurvivalModel
from memorization.when.scores import event_statistics, score

# Fewer events than this in the training folds are no basis for any model.
MIN_EVENTS = 10

# Of which differences between models are reported.
GAINED = (
    "concordance",
    "concordance_memorized",
    "brier_skill",
    "absolute_error_steps",
    "state_skill",
)
ERRORS = ("absolute_error_steps",)


@dataclass(frozen=True)
class Analysis:
    """What the when stage writes.

    Attributes
    ----------
    predictions : DataFrame, as `memorization.tables.WHEN`.
    metrics : dict, `event_statistics`; tier -> model -> metric -> value, low, high; ``gains`` of
        `GAINED`, over each baseline, the best, and the tier below; ``bands``, see `by_band`;
        ``effects`` and ``not_identified``, see `memorization.intensities.effects`; ``left_out``,
        model -> what it lacks.
    fitted : dict, (tier, model) -> survival model fitted to the whole sample.
    """

    predictions: pd.DataFrame
    metrics: dict[str, Any]
    fitted: dict[tuple[str, str], Model]


def planned(
    study: Study, models: Mapping[str, type[SurvivalModel]]
) -> tuple[list[Candidate], dict[str, str]]:
    """Return every model at every tier that it is reported in; and which are left out, and why."""
    lacks: dict[str, str] = {}
    for name, model in models.items():
        if model.needs_exposures and study.known_histories.seen is None:
            lacks[name] = "how often a sequence was met by each checkpoint"
        elif not model.takes_late_entry and study.times.left_censored.any():
            lacks[name] = "sequences that are looked at from the start"
    able = {name: model for name, model in models.items() if name not in lacks}
    found, absent = candidates(able, study.tiers, "when")
    wanted = {name: f"the feature '{column}'" for name, column in absent.items()}
    return found, lacks | wanted


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
    """Return every model's survival out of fold with its scores.

    ``brier_skill`` is against the model kaplan_meier, where that is among the models.

    Parameters
    ----------
    models : by name.
    advance : told ``1`` after each model at a tier.
    processes : to use at most; the result does not depend on it.
    """
    runs, left_out = planned(study, models)
    known = {
        run.name: cross_fit(run, study).prediction
        for run in runs
        if run.name in ("kaplan_meier", "kaplan_meier_strata")
    }
    found = side_by_side(
        _examine,
        runs,
        study,
        bootstrap,
        known.get("kaplan_meier"),
        processes=processes,
        advance=advance,
    )
    metrics: dict[str, Any] = {}
    for run, result in zip(runs, found, strict=True):
        metrics.setdefault(run.tier, {})[run.name] = result.metrics
    baselines = {run.name for run in runs if run.model.is_baseline}
    gained = {run.key: result.gained for run, result in zip(runs, found, strict=True)}
    metrics["gains"] = gains(gained, baselines, bootstrap.level)
    metrics["gains"]["over_best_baseline"] = gains_over_best(
        gained, baselines, bootstrap.level, ERRORS
    )
    forecasts = {run.key: result.forecast for run, result in zip(runs, found, strict=True)}
    metrics["bands"] = by_band(
        study, forecasts, baselines, bootstrap, known.get("kaplan_meier_strata"), processes
    )
    metrics["effects"] = effects(study, bootstrap.level)
    metrics["not_identified"] = list(not_identified(study.steps))
    kept = [run for run in runs if models[run.name].is_kept]
    fitted = side_by_side(Candidate.fit, kept, study, processes=processes)
    parts = [_predictions(study, run, forecasts[run.key]) for run in runs]
    return Analysis(
        predictions=pd.concat(parts, ignore_index=True) if parts else empty_table(WHEN),
        metrics={"left_out": left_out, **event_statistics(study), **metrics},
        fitted={run.key: model for run, model in zip(kept, fitted, strict=True)},
    )


def by_band(
    study: Study,
    forecasts: Mapping[tuple[str, str], np.ndarray],
    baselines: Collection[str],
    bootstrap: Bootstrap,
    reference: np.ndarray | None,
    processes: int = 1,
) -> dict[str, Any]:
    """Return the scores within each stratum of the count, of those with `MIN_EVENTS` events.

    Low strata stand for many sequences and hold few events: over all rows together, a score is
    mostly that the frequent are memorized and the rare are not. Within a stratum that is known.

    Parameters
    ----------
    forecasts : (tier, model) -> float [n, 4, c].
    reference : of the curves of the strata, against which skill is measured.

    Returns
    -------
    dict
        stratum -> ``n``, ``n_events``, ``effective_events`` (clusters with the event in effect),
        ``scores`` (tier -> model -> metric of `GAINED` -> value, low, high) and
        ``over_best_baseline``.
    """
    column = finest_count(study.features.columns)
    if column is None or reference is None:
        return {}
    stratum = stratum_of(study.features[column].to_numpy())
    bands = [
        np.flatnonzero(stratum == place)
        for place in range(len(STRATA))
        if study.times.event[stratum == place].sum() >= MIN_EVENTS
    ]
    found = side_by_side(
        _band, bands, study, forecasts, baselines, bootstrap, reference, processes=processes
    )
    names = [list(STRATA)[stratum[rows[0]]] for rows in bands]
    return dict(zip(names, found, strict=True))


def _band(
    rows: np.ndarray,
    study: Study,
    forecasts: Mapping[tuple[str, str], np.ndarray],
    baselines: Collection[str],
    bootstrap: Bootstrap,
    reference: np.ndarray,
) -> dict[str, Any]:
    own, resamples = study.take(rows), bootstrap.take(rows)
    gained = {}
    for key, forecast in forecasts.items():
        scores = score(own, forecast[rows], resamples, reference[rows])
        gained[key] = {metric: scores[metric] for metric in GAINED if metric in scores}
    by_tier: dict[str, Any] = {}
    for (tier, model), scores in gained.items():
        values = {metric: value.estimate(bootstrap.level) for metric, value in scores.items()}
        by_tier.setdefault(tier, {})[model] = values
    return {
        "n": len(own),
        "n_events": int(own.times.event.sum()),
        "effective_events": float(resamples.effective(own.weight, own.times.event)),
        "scores": by_tier,
        "over_best_baseline": gains_over_best(gained, baselines, bootstrap.level, ERRORS),
    }


@dataclass(frozen=True)
class _Result:
    forecast: np.ndarray
    metrics: dict[str, Any]
    gained: dict[str, Replicated]


def _examine(
    run: Candidate, study: Study, bootstrap: Bootstrap, reference: np.ndarray | None
) -> _Result:
    """Return the forecast and the scores of one model at one tier."""
    forecast = cross_fit(run, study).prediction
    scores = score(study, forecast, bootstrap, reference)
    return _Result(
        forecast,
        {metric: value.estimate(bootstrap.level) for metric, value in scores.items()},
        {metric: scores[metric] for metric in GAINED if metric in scores},
    )


def _predictions(study: Study, run: Candidate, forecast: np.ndarray) -> pd.DataFrame:
    n = len(study)
    return pd.DataFrame(
        {
            "index": study.index.astype(np.int64),
            "model": pd.Series([run.name] * n, dtype=object),
            "tier": pd.Series([run.tier] * n, dtype=object),
            "fold": study.fold.astype(np.int32),
            "survival": curves_column(forecast[:, 0]),
            "memorized": curves_column(forecast[:, 1]),
        }
    )
