"""The results folder, read when asked."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pandera.pandas import DataFrameSchema

from memorization import tables
from memorization.errors import UserError
from memorization.evaluation.bootstrap import cluster_multiplicities
from memorization.labels.trajectories import Trajectories
from memorization.params import Params
from memorization.protocol import TIERS
from memorization.randomness import generator
from memorization.siblings.checkpoints import rows_of
from memorization.study.strata import STRATA
from memorization.study.targets import Targets, targets_of
from memorization.suite import Suite
from memorization.suite.read import read_suite
from memorization.when.models import BASELINES as WHEN_BASELINES

BASELINES = {
    "whether": ("prevalence", "duplicate_count", "continuation_count", "smaller_sibling"),
    "when": WHEN_BASELINES,
}

# The metric by which the best of several models is named.
# Over all sequences every survival model ranks nearly as well as can be.
HEADLINE = {"whether": "average_precision", "when": "concordance_memorized"}


@dataclass(frozen=True)
class Results:
    """Everything that the stages wrote; a table is read from disk the first time it is used.

    Attributes
    ----------
    folder : the results folder.
    params : with which the stages ran.
    """

    folder: Path
    params: Params

    def _table(self, name: str, schema: DataFrameSchema) -> pd.DataFrame:
        return tables.read_table(self.folder / f"{name}.parquet", schema)

    @cached_property
    def suite(self) -> Suite:
        """The suite of models."""
        return read_suite(self.folder / "suite")

    @cached_property
    def sample(self) -> pd.DataFrame:
        """The sequences with their labels, clusters and folds, in the order of sequences."""
        return tables.joined(
            self._table("sequences", tables.SEQUENCES),
            labels=self._table("labels", tables.LABELS),
            splits=self._table("splits", tables.SPLITS),
        )

    @cached_property
    def trajectories(self) -> Trajectories:
        """The evaluations at every checkpoint, rows as in ``sample``."""
        found = Trajectories.read(self.folder / "trajectories.npz")
        return rows_of(found, self.sample["index"].to_numpy())

    @property
    def steps(self) -> np.ndarray:
        """Optimizer steps of the checkpoints that were evaluated, int [c]."""
        return self.trajectories.steps

    @cached_property
    def targets(self) -> Targets:
        """Event and censoring as the survival models have them, rows as in ``sample``."""
        return targets_of(self.sample, self.steps, self.params.when.event)

    @property
    def when_done(self) -> bool:
        """Whether the when question could be asked; where not, its metrics say why."""
        return bool(self.metrics["when"]["done"])

    @cached_property
    def association(self) -> pd.DataFrame:
        """How each feature alone ranks, in the order of the features."""
        return self._table("predictions/association", tables.ASSOCIATION)

    @cached_property
    def correlation(self) -> pd.DataFrame:
        """Rank correlation of every two features."""
        return self._table("predictions/correlation", tables.CORRELATION)

    @cached_property
    def importance(self) -> pd.DataFrame:
        """Permutation importance in the whether question."""
        return self._table("predictions/importance", tables.IMPORTANCE)

    @cached_property
    def kaplan_meier(self) -> pd.DataFrame:
        """Survival by stratum of a count, which the metrics of when name."""
        return self._table("predictions/kaplan_meier", tables.KAPLAN_MEIER)

    @cached_property
    def _whether(self) -> pd.DataFrame:
        return self._table("predictions/whether", tables.WHETHER)

    @cached_property
    def _when(self) -> pd.DataFrame:
        return self._table("predictions/when", tables.WHEN)

    def probability(self, tier: str, model: str) -> np.ndarray:
        """Return the out-of-fold probability of being memorized, float [n], rows as ``sample``."""
        rows = _of(self._whether, tier, model)
        return rows["probability"].to_numpy()[self._rows_of(rows)]

    def survival(self, tier: str, model: str) -> np.ndarray:
        """Return the out-of-fold survival at each checkpoint, float [n, c], rows as ``sample``."""
        rows = _of(self._when, tier, model)
        return tables.survival_matrix(rows["survival"])[self._rows_of(rows)]

    def _rows_of(self, rows: pd.DataFrame) -> np.ndarray:
        return _places(rows["index"].to_numpy(), self.sample["index"].to_numpy())

    @cached_property
    def metrics(self) -> dict[str, Any]:
        """The metrics files by name: association, labels, siblings, split, whether, when.

        Raises
        ------
        UserError
            If one is missing.
        """
        found = {}
        for name in ("association", "labels", "siblings", "split", "whether", "when"):
            path = self.folder / "metrics" / f"{name}.json"
            try:
                found[name] = json.loads(path.read_text(encoding="utf-8"))
            except FileNotFoundError:
                raise UserError(f"{path}: not found; run `dvc repro {name}` to make it") from None
        return found

    @cached_property
    def drawn(self) -> np.ndarray:
        """How often each row is drawn in each replicate of the cluster bootstrap, int [r, n]."""
        return cluster_multiplicities(
            self.sample["cluster"].to_numpy(),
            self.params.bootstrap.replicates,
            generator(self.params.seed, "report"),
        )

    def strata(self, count: str) -> dict[str, Any]:
        """Return the strata of a count in the whether question, from rare to frequent.

        Empty where it was not counted.

        Parameters
        ----------
        count : ``sequence_count`` or ``continuation_count``.
        """
        found = self.metrics["whether"].get("strata", {}).get(count, {})
        return {name: found[name] for name in STRATA if name in found}

    def gain_over(self, question: str, key: tuple[str, str], baseline: str, metric: str) -> Any:
        """Return the paired gain of a model (tier, name) over a baseline; None without that."""
        found = self.metrics[question]["gains"]["over_baseline"][key[0]][key[1]]
        return found[baseline][metric] if baseline in found else None

    def gain_by_tier(self, question: str, model: str, metric: str) -> dict[str, Any]:
        """Return tier -> what a model gains over the tier below, from the lowest that has one."""
        found = self.metrics[question]["gains"]["over_tier_below"]
        return {t: found[t][model][metric] for t in TIERS if model in found.get(t, {})}

    def tiers(self, question: str) -> list[str]:
        """Return the tiers that have scores for a question ("whether" or "when"), lowest first."""
        return [tier for tier in TIERS if tier in self.metrics[question]]

    def models(self, question: str, tier: str) -> list[str]:
        """Return the names of what was scored at a tier: baselines first, then as in the params."""
        named = {"whether": self.params.whether.models, "when": self.params.when.models}[question]
        order = [*BASELINES[question], *named]
        return sorted(self.metrics[question][tier], key=order.index)

    def fitted(self, question: str, tier: str) -> list[str]:
        """Return the models of a tier without the baselines."""
        return [m for m in self.models(question, tier) if m not in BASELINES[question]]

    def top_tier(self, question: str) -> str:
        """Return the highest tier at which a model was fitted.

        Raises
        ------
        UserError
            If there is none.
        """
        tiers = [tier for tier in self.tiers(question) if self.fitted(question, tier)]
        if not tiers:
            raise UserError(f"{question}.models: only baselines; name at least one model to report")
        return tiers[-1]

    def best(self, question: str, tier: str) -> str:
        """Return the fitted model with the highest headline metric at a tier."""
        scores = self.metrics[question][tier]

        def value(model: str) -> float:
            found = scores[model][HEADLINE[question]]["value"]
            return -np.inf if found is None else found

        return max(self.fitted(question, tier), key=value)

    def baseline(self, question: str, model: str) -> tuple[str, str] | None:
        """Return the (tier, model) of a baseline; None where it was not run."""
        for tier in self.tiers(question):
            if model in self.metrics[question][tier]:
                return tier, model
        return None


def _of(predictions: pd.DataFrame, tier: str, model: str) -> pd.DataFrame:
    return predictions[(predictions["tier"] == tier) & (predictions["model"] == model)]


def _places(index: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Return where each wanted index is in another array that holds them all."""
    order = np.argsort(index)
    places = np.searchsorted(index, wanted, sorter=order)
    found = order[np.minimum(places, len(order) - 1)]
    if len(index) == 0 or not np.array_equal(index[found], wanted):
        raise UserError("results: tables of different runs; run `dvc repro` to make all of one run")
    return found
