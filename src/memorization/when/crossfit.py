"""Predictions for sequences that the model has not seen: one fit a fold left out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from memorization.errors import UserError
from memorization.features import features_of_tier
from memorization.protocol import TIERS
from memorization.randomness import generator
from memorization.tables import WHEN, survival_column
from memorization.when.models import SurvivalModel
from memorization.when.targets import Targets

# Fewer events than this in the training folds are no basis for any model.
MIN_EVENTS = 10


@dataclass(frozen=True)
class Run:
    """One model in one tier: what is fitted, and on which features."""

    tier: str
    name: str
    model: type[SurvivalModel]
    columns: tuple[str, ...]

    def fit(
        self,
        features: pd.DataFrame,
        targets: Targets,
        weight: np.ndarray,
        seed: int,
        threads: int,
    ) -> SurvivalModel:
        """Return the model fitted to the rows given; the seed is the study's."""
        own = generator(seed, f"when/{self.tier}/{self.name}").integers(2**31)
        return self.model.fit(features[list(self.columns)], targets, weight, int(own), threads)


def plan(models: Mapping[str, type[SurvivalModel]], columns: Iterable[str]) -> list[Run]:
    """Return the runs: every model in every tier that it is reported in, from the lowest tier up.

    A tier without features is left to the models that need none.

    Parameters
    ----------
    columns : of the features table.

    Raises
    ------
    UserError
        If a model needs a feature that is not there.
    """
    columns = list(columns)
    runs = []
    for tier in TIERS:
        usable = features_of_tier(columns, tier)
        for name, model in models.items():
            missing = [column for column in model.requires if column not in columns]
            if missing:
                raise UserError(
                    f"when.models: '{name}' needs the feature '{missing[0]}'; add its family to "
                    "features.families or leave the model out"
                )
            if tier in model.tiers and (usable or model.featureless):
                runs.append(Run(tier, name, model, tuple(usable)))
    return runs


def out_of_fold(
    run: Run,
    features: pd.DataFrame,
    targets: Targets,
    weight: np.ndarray,
    fold: np.ndarray,
    seed: int,
    threads: int,
    fitted: Callable[[int], None] = lambda fits: None,
) -> np.ndarray:
    """Return each row's survival as predicted without its fold, float [n, c].

    Parameters
    ----------
    features : n rows.
    weight : float [n], population sequences a row stands for.
    fold : int [n].
    fitted : called with 1 after each fit, to show progress.

    Raises
    ------
    UserError
        If the rows outside a fold have fewer than `MIN_EVENTS` events.
    """
    survival = np.empty((len(targets), targets.n_times))
    for held_out in np.unique(fold):
        train = fold != held_out
        n_events = int(targets.event[train].sum())
        if n_events < MIN_EVENTS:
            raise UserError(
                f"when: {n_events} sequences with the event outside fold {held_out}, at least "
                f"{MIN_EVENTS} are needed; study more (sequences.cases, sequences.cohort)"
            )
        model = run.fit(features[train], targets.take(train), weight[train], seed, threads)
        survival[~train] = model.survival(features.loc[~train, list(run.columns)])
        fitted(1)
    return survival


def predictions(
    index: np.ndarray, fold: np.ndarray, survival: Mapping[tuple[str, str], np.ndarray]
) -> pd.DataFrame:
    """Return the table of predictions from (tier, model) -> survival [n, c]."""
    runs = list(survival)
    n = len(index)
    table = pd.DataFrame(
        {
            "index": np.tile(index.astype(np.int64), len(runs)),
            "model": np.repeat([name for _, name in runs], n).astype(object),
            "tier": np.repeat([tier for tier, _ in runs], n).astype(object),
            "fold": np.tile(fold.astype(np.int32), len(runs)),
            "survival": survival_column(np.vstack(list(survival.values()))),
        }
    )
    return WHEN.validate(table)
