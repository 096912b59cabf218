"""Predictions for sequences that the model has not seen: one fit a fold left out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from memorization.evaluation.thinning import thinned
from memorization.features import features_of_tier
from memorization.protocol import TIERS
from memorization.randomness import generator
from memorization.study.targets import Targets
from memorization.tables import WHEN, empty_table, survival_column
from memorization.tiers import informative_tiers
from memorization.when.left_censoring import fit_by_rounds
from memorization.when.models import SurvivalModel

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
        own = generator(seed, f"when/{self.tier}/{self.name}")
        seed = int(own.integers(2**31))
        kept, weight = thinned(targets.event, weight, self.model.largest, own)
        x, targets = features[list(self.columns)].iloc[kept], targets.take(kept)
        if self.model.takes_left_censoring or not targets.left_censored.any():
            return self.model.fit(x, targets, weight, seed, threads)
        return fit_by_rounds(
            lambda complete: self.model.fit(x, complete, weight, seed, threads),
            lambda model, rows: model.survival(x.iloc[rows]),
            targets,
            weight,
            own,
        )


def plan(
    models: Mapping[str, type[SurvivalModel]], columns: Iterable[str]
) -> tuple[list[Run], dict[str, str]]:
    """Return the runs: every model in every tier that it is reported in, from the lowest tier up;
    and the models left out for want of a feature, with that feature.

    A tier that adds no feature to the one below is left to the models that are reported in it alone
    (a baseline without features, in the lowest).

    Parameters
    ----------
    columns : of the features table.
    """
    columns = list(columns)
    absent = {
        name: model.requires_any[0]
        for name, model in models.items()
        if model.requires_any and not set(model.requires_any) & set(columns)
    }
    usable = {tier: features_of_tier(columns, tier) for tier in TIERS}
    informative = informative_tiers(usable)
    runs = [
        Run(tier, name, model, tuple(usable[tier]))
        for tier in TIERS
        for name, model in models.items()
        if name not in absent and tier in model.tiers and (tier in informative or model.featureless)
    ]
    return runs, absent


def too_few_events(targets: Targets, fold: np.ndarray) -> str | None:
    """Return why no model can be fitted and judged, in words; None where there are enough events.

    Every fold's training rows need `MIN_EVENTS` events.
    """
    folds = np.unique(fold)
    events = [int(targets.event[fold != held_out].sum()) for held_out in folds]
    if min(events) >= MIN_EVENTS:
        return None
    return (
        f"only {int(targets.event.sum())} of the sequences studied have the event, {min(events)} "
        f"outside fold {folds[int(np.argmin(events))]}, and at least {MIN_EVENTS} are needed "
        "there; more can be studied (sequences.cases, sequences.cohort)"
    )


def out_of_fold(
    run: Run,
    features: pd.DataFrame,
    targets: Targets,
    weight: np.ndarray,
    fold: np.ndarray,
    seed: int,
    threads: int,
) -> np.ndarray:
    """Return each row's survival as predicted without its fold, float [n, c].

    Parameters
    ----------
    features : n rows.
    weight : float [n], population sequences a row stands for.
    fold : int [n].
    """
    survival = np.empty((len(targets), targets.n_times))
    for held_out in np.unique(fold):
        train = fold != held_out
        model = run.fit(features[train], targets.take(train), weight[train], seed, threads)
        survival[~train] = model.survival(features.loc[~train, list(run.columns)])
    return survival


def predictions(
    index: np.ndarray, fold: np.ndarray, survival: Mapping[tuple[str, str], np.ndarray]
) -> pd.DataFrame:
    """Return the table of predictions from (tier, model) -> survival [n, c]; none, an empty one."""
    parts = [
        pd.DataFrame(
            {
                "index": index.astype(np.int64),
                "model": pd.Series([name] * len(index), dtype=object),
                "tier": pd.Series([tier] * len(index), dtype=object),
                "fold": fold.astype(np.int32),
                "survival": survival_column(curves),
            }
        )
        for (tier, name), curves in survival.items()
    ]
    return pd.concat(parts, ignore_index=True) if parts else empty_table(WHEN)
