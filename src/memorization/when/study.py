"""The whole when question for one sample: whether it can be asked, and its answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from memorization.parallel import side_by_side
from memorization.study.targets import Targets
from memorization.when.crossfit import Run, out_of_fold, too_few_events
from memorization.when.curves import survival_curves
from memorization.when.evaluate import Evaluation, Scored, event_statistics, score_runs
from memorization.when.models import SurvivalModel


@dataclass(frozen=True)
class Study:
    """What is studied, row by row, and how.

    Attributes
    ----------
    index : int64 [n].
    features : DataFrame [n].
    targets : of the n rows.
    steps : int [c], optimizer steps of the evaluated checkpoints.
    weight : float [n], population sequences a row stands for.
    fold : int [n].
    drawn : int [replicates, n], of the cluster bootstrap.
    level : coverage of the intervals.
    seed : of the study.
    processes : to use at most, side by side; nothing else depends on it.
    """

    index: np.ndarray
    features: pd.DataFrame
    targets: Targets
    steps: np.ndarray
    weight: np.ndarray
    fold: np.ndarray
    drawn: np.ndarray
    level: float
    seed: int
    processes: int

    def fit(self, run: Run) -> SurvivalModel:
        """Return a run's model fitted to all rows."""
        return run.fit(self.features, self.targets, self.weight, self.seed, threads=1)

    def predict(self, run: Run) -> np.ndarray:
        """Return a run's survival, out of fold, float [n, c]."""
        return out_of_fold(
            run, self.features, self.targets, self.weight, self.fold, self.seed, threads=1
        )

    def statistics(self) -> dict[str, Any]:
        """Return how many have the event, and when."""
        return event_statistics(self.targets, self.steps, self.weight)


def not_done(times: Mapping[str, Any], targets: Targets, fold: np.ndarray) -> str | None:
    """Return why the question cannot be asked, in words; None where it can.

    Parameters
    ----------
    times : where the times come from, as in ``results/metrics/labels.json``: ``source`` and
        ``reason``.
    fold : int [n].
    """
    if times["source"] == "none":
        return str(times["reason"])
    if targets.n_times < 2:
        return "one checkpoint alone was evaluated, which tells no times (labels.checkpoints)"
    return too_few_events(targets, fold)


def survival_study(
    study: Study, runs: Sequence[Run], advance: Callable[[int], None] = lambda done: None
) -> tuple[pd.DataFrame, Scored]:
    """Return the observed survival by count, and every run out of fold with its scores.

    Parameters
    ----------
    advance : told ``1`` after each run.
    """
    curves = survival_curves(
        study.features, study.targets, study.steps, study.weight, study.drawn, study.level
    )
    evaluation = Evaluation(
        study.targets, study.steps, study.weight, study.fold, study.drawn, study.level
    )
    by_key = {(run.tier, run.name): run for run in runs}
    predict = partial(_predict, study, by_key)
    return curves, score_runs(evaluation, list(by_key), predict, advance, study.processes)


def _predict(study: Study, runs: Mapping[tuple[str, str], Run], key: tuple[str, str]) -> np.ndarray:
    return study.predict(runs[key])


def fitted(study: Study, runs: Sequence[Run]) -> list[SurvivalModel]:
    """Return each run's model, fitted to all rows."""
    return side_by_side(_fit, runs, study, processes=study.processes)


def _fit(run: Run, study: Study) -> SurvivalModel:
    return study.fit(run)
