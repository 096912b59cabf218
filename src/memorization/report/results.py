"""What the stages wrote, as the report reads it."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from memorization import tables
from memorization.errors import UserError
from memorization.evaluation.bootstrap import Bootstrap
from memorization.files import read_kept
from memorization.labels.trajectories import Trajectories
from memorization.params import Params
from memorization.protocol import TIERS
from memorization.randomness import generator
from memorization.seeds.runs import STAGES, study_of, value_at
from memorization.seeds.summary import HEADLINE as OVER_SEEDS
from memorization.seeds.summary import number
from memorization.strata import STRATA
from memorization.study.histories import Histories, rows_of
from memorization.study.targets import Targets, targets_of
from memorization.suite import Suite
from memorization.suite.read import read_suite

METRICS = ("arm", "association", "external", "labels", "siblings", "split", "whether", "when")

PREDICTIONS = {
    "association": tables.ASSOCIATION,
    "correlation": tables.CORRELATION,
    "external": tables.ASSOCIATION,
    "importance": tables.IMPORTANCE,
    "whether": tables.WHETHER,
    "when": tables.WHEN,
}

# The metric by which the best of several models is named.
# Over all sequences every survival model ranks nearly as well as can be.
HEADLINE = {"whether": "average_precision", "when": "concordance_memorized"}


@dataclass(frozen=True)
class Results:
    """The results folder of one run.

    Attributes
    ----------
    params : with which the stages ran.
    suite : the suite of models.
    metrics : the metrics files by their names, those of `METRICS`.
    sample : the sequences with their labels, clusters and folds, in the order of sequences.
    trajectories : the evaluations at every checkpoint, rows as in ``followed``.
    histories : states and exposures, rows as in ``followed``.
    association, correlation, external, importance, whether, when : tables of predictions.
    units, unit_trajectories : the units of the randomised arm, and their evaluations; none without
        an arm.
    seeds : what `make seeds` found, if this very run is one of its runs; else None.
    """

    params: Params
    suite: Suite
    metrics: dict[str, Any]
    sample: pd.DataFrame
    trajectories: Trajectories
    histories: Histories
    association: pd.DataFrame
    correlation: pd.DataFrame
    external: pd.DataFrame
    importance: pd.DataFrame
    whether: pd.DataFrame
    when: pd.DataFrame
    units: pd.DataFrame
    unit_trajectories: Trajectories
    seeds: dict[str, Any] | None

    @staticmethod
    def read(folder: Path, params: Params) -> Results:
        """Return what is in a results folder.

        Raises
        ------
        UserError
            If something is missing or damaged, or not all of it is of one run.
        """
        suite = read_suite(folder / "suite")
        metrics = {name: _metrics(folder / "metrics" / f"{name}.json") for name in METRICS}
        sample = tables.joined(
            tables.read_table(folder / "sequences.parquet", tables.SEQUENCES),
            labels=tables.read_table(folder / "labels.parquet", tables.LABELS),
            splits=tables.read_table(folder / "splits.parquet", tables.SPLITS),
        )
        trajectories = Trajectories.read(folder / "trajectories.npz")
        followed = sample.loc[sample["followed"], "index"].to_numpy()
        trajectories = rows_of(trajectories, followed)
        histories = Histories.read(folder, followed)
        predictions = {
            name: tables.read_table(folder / "predictions" / f"{name}.parquet", schema)
            for name, schema in PREDICTIONS.items()
        }
        units = tables.read_table(folder / "arm.parquet", tables.ARM)
        of_units = Trajectories.read_arm(folder / "trajectories.npz")
        return Results(
            params,
            suite,
            metrics,
            sample,
            trajectories,
            histories,
            **predictions,
            units=units,
            unit_trajectories=rows_of(of_units, units["unit"].to_numpy()),
            seeds=read_seeds(folder / "metrics" / "seeds.json", params, metrics),
        )

    @property
    def steps(self) -> np.ndarray:
        """Optimizer steps of the checkpoints that were evaluated, int [c]."""
        return self.trajectories.steps

    @property
    def weight(self) -> np.ndarray:
        """How many sequences of the population each row stands for, float [n]."""
        return self.sample["weight"].to_numpy()

    @cached_property
    def followed(self) -> pd.DataFrame:
        """The m rows of ``sample`` that were followed; ``when_weight`` is what they stand for."""
        return self.sample[self.sample["followed"]].reset_index(drop=True)

    @property
    def when_weight(self) -> np.ndarray:
        """How many sequences of the population each followed row stands for, float [m]."""
        return self.followed["when_weight"].to_numpy()

    @property
    def memorized(self) -> np.ndarray:
        """Who is memorized at the end, bool [n]."""
        return self.sample["memorized"].to_numpy(dtype=bool)

    @cached_property
    def targets(self) -> Targets:
        """Event and censoring as the survival models have them, rows as in ``followed``."""
        return targets_of(self.followed, self.steps, self.params.when.event)

    @cached_property
    def bootstrap(self) -> Bootstrap:
        """The cluster bootstrap of the rows."""
        return self._bootstrap(self.sample)

    @cached_property
    def when_bootstrap(self) -> Bootstrap:
        """The cluster bootstrap of the followed rows."""
        return self._bootstrap(self.followed)

    def _bootstrap(self, rows: pd.DataFrame) -> Bootstrap:
        return Bootstrap.of(
            rows["cluster"].to_numpy(),
            self.params.bootstrap.replicates,
            self.params.bootstrap.level,
            generator(self.params.seed, "report"),
        )

    @property
    def when_done(self) -> bool:
        """Whether the when question could be asked; where not, its metrics say why."""
        return bool(self.metrics["when"]["done"])

    @property
    def experiment(self) -> dict[str, Any] | None:
        """What was found of the randomised arm: of all seeds, or of this run; None: it has none."""
        own: dict[str, Any] = self.metrics["arm"]
        pooled = (self.seeds or {}).get("arm")
        return (pooled or own) if own["done"] else None

    def probability(self, tier: str, model: str) -> np.ndarray:
        """Return the out-of-fold probability of being memorized, float [n], rows as ``sample``."""
        return self._predicted("whether", "probability", tier, model).to_numpy()

    def risk_by_end(self, tier: str, model: str) -> np.ndarray:
        """Return the predicted probability of the event by the end, of ``followed``, float [m]."""
        survival = tables.curves_matrix(self._predicted("when", "survival", tier, model))
        return 1 - survival[:, -1]

    def chance_memorized(self, tier: str, model: str) -> np.ndarray | None:
        """Return the predicted probability of being memorized, of ``followed``, float [m, c].

        None where the model says nothing of it.
        """
        memorized = self._predicted("when", "memorized", tier, model)
        return None if memorized.isna().any() else tables.curves_matrix(memorized)

    def _predicted(self, question: str, column: str, tier: str, model: str) -> pd.Series:
        table: pd.DataFrame = getattr(self, question)
        one = table[(table["tier"] == tier) & (table["model"] == model)]
        found = {f"predictions/{question}": one[["index", column]]}
        rows = self.followed if question == "when" else self.sample
        return tables.joined(rows[["index"]], **found)[column]

    def strata(self, count: str) -> dict[str, Any]:
        """Return the strata of a count, from rare to frequent; none where it was not counted."""
        found = self.metrics["whether"].get("strata", {}).get(count, {})
        return {name: found[name] for name in STRATA if name in found}

    def tiers(self, question: str) -> list[str]:
        """Return the tiers that have scores for a question ("whether" or "when"), lowest first."""
        return [tier for tier in TIERS if tier in self.metrics[question]]

    def models(self, question: str, tier: str) -> list[str]:
        """Return what was scored at a tier: baselines first, each in the order of predictions."""
        table: pd.DataFrame = getattr(self, question)
        scored = table.loc[table["tier"] == tier, "model"].drop_duplicates().tolist()
        if set(scored) != set(self.metrics[question][tier]):
            raise UserError(
                f"results: {question}.json and {question}.parquet are about other models at the "
                f"tier {tier}; run `dvc repro {question}` to make both of one run"
            )
        return sorted(scored, key=lambda model: not self.is_baseline(question, tier, model))

    def is_baseline(self, question: str, tier: str, model: str) -> bool:
        """Return whether a model is one that others are compared with, and not compared itself."""
        return model not in self.metrics[question]["gains"]["over_baseline"].get(tier, {})

    def fitted(self, question: str, tier: str) -> list[str]:
        """Return the models of a tier without the baselines."""
        models = self.models(question, tier)
        return [model for model in models if not self.is_baseline(question, tier, model)]

    def scored(self, question: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
        """Yield tier, model and metrics of all that was scored, from the lowest tier."""
        for tier in self.tiers(question):
            for model in self.models(question, tier):
                yield tier, model, self.metrics[question][tier][model]

    def fitted_tiers(self, question: str) -> list[str]:
        """Return the tiers at which a model was fitted, lowest first.

        Raises
        ------
        UserError
            If there is none.
        """
        tiers = [tier for tier in self.tiers(question) if self.fitted(question, tier)]
        if not tiers:
            raise UserError(f"{question}.models: only baselines; name at least one model to report")
        return tiers

    def best(self, question: str, tier: str, among: Collection[str] | None = None) -> str:
        """Return the fitted model, of some or all, with the highest headline metric at a tier."""
        scores = self.metrics[question][tier]
        models = self.fitted(question, tier)

        def value(model: str) -> float:
            found = scores[model][HEADLINE[question]]["value"]
            return -np.inf if found is None else found

        return max((m for m in models if among is None or m in among), key=value)

    def best_of_all(self, question: str) -> tuple[str, str]:
        """Return the highest tier at which a model was fitted, and the best model there."""
        tier = self.fitted_tiers(question)[-1]
        return tier, self.best(question, tier)

    def baseline(self, question: str, model: str) -> tuple[str, str] | None:
        """Return the (tier, model) of a baseline; None where it was not run."""
        found = (tier for tier in self.tiers(question) if model in self.metrics[question][tier])
        return next(((tier, model) for tier in found), None)


def read_seeds(path: Path, params: Params, metrics: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the numbers over several seeds, if the run of these params and metrics is one of them.

    They are not where they are of other params, or were made by other code or on another machine.
    """
    found = read_kept(path)
    # One that an earlier version wrote says other things.
    is_ours = set(found.get("made_from", ())) == set(STAGES)
    if not is_ours or found.get("study") != study_of(params):
        return None
    return found if tells_of(found, metrics, params.seed) else None


def tells_of(found: Mapping[str, Any], metrics: Mapping[str, Any], seed: int) -> bool:
    """Return whether what several seeds say of one is what the metrics of its own run say."""
    if seed not in found["seeds"]:
        return False
    place = found["seeds"].index(seed)
    return all(
        of["values"][place] == number(value_at(metrics, OVER_SEEDS.get(name, "")))
        for name, of in found["headline"].items()
    )


def _metrics(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path}: not found; run `dvc repro {path.stem}` to make it") from None
    except ValueError as error:
        raise UserError(
            f"{path}: not JSON ({error}); run `dvc repro {path.stem}` to make it again"
        ) from None
