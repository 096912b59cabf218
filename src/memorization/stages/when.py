"""At which checkpoint is each sequence memorized?

python -m memorization.stages.when
"""

import json
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
from threadpoolctl import threadpool_limits

from memorization.evaluation.bootstrap import cluster_multiplicities
from memorization.features import features_of_tier
from memorization.features.exposure import HINDSIGHT
from memorization.files import write_metrics
from memorization.labels.trajectories import Trajectories
from memorization.params import Params, load_params
from memorization.progress import progress
from memorization.randomness import generator
from memorization.registry import named
from memorization.stages import run
from memorization.study.strata import finest_count
from memorization.study.targets import targets_of
from memorization.tables import (
    FEATURES,
    KAPLAN_MEIER,
    LABELS,
    SEQUENCES,
    SPLITS,
    WHEN,
    WHEN_CALIBRATION,
    empty_table,
    joined,
    read_table,
    write_table,
)
from memorization.when.crossfit import plan, predictions
from memorization.when.models import MODELS
from memorization.when.study import Study, fitted, not_done, survival_study

MODELS_FOLDER = Path("results/models/when")


def main() -> None:
    """Cross-fit the survival models, score them, and keep those fitted to all rows.

    Where there are no times, or too few events, that is written down instead, and the pipeline
    goes on.
    """
    params = load_params()
    # One thread a process: the bits of a sum depend on their number.
    with threadpool_limits(1):
        _main(params)


def _main(params: Params) -> None:
    models = named(MODELS, params.when.models, "when.models")
    steps = Trajectories.read("results/trajectories.npz").steps
    times = json.loads(Path("results/metrics/labels.json").read_text(encoding="utf-8"))["times"]
    table, names = _joined()
    targets = targets_of(table, steps, params.when.event)
    shutil.rmtree(MODELS_FOLDER, ignore_errors=True)
    MODELS_FOLDER.mkdir(parents=True)
    reason = not_done(times, targets, table["fold"].to_numpy())
    if reason is not None:
        print(f"when: not done: {reason}", flush=True)
        _write({"done": False, "reason": reason, "cost": times["cost"]})
        return
    runs, absent = plan(models, names)
    for name, column in absent.items():
        print(f"when: '{name}' is left out: it needs the feature '{column}'", flush=True)
    study = Study(
        index=table["index"].to_numpy(),
        features=table[names],
        targets=targets,
        steps=steps,
        weight=table["weight"].to_numpy(),
        fold=table["fold"].to_numpy(),
        drawn=cluster_multiplicities(
            table["cluster"].to_numpy(),
            params.bootstrap.replicates,
            generator(params.seed, "when"),
        ),
        level=params.bootstrap.level,
        seed=params.seed,
        processes=params.threads,
    )
    with progress("when", len(runs), "models") as advance:
        curves, scored = survival_study(study, runs, advance)
    for r, model in zip(runs, fitted(study, runs), strict=True):
        model.save(MODELS_FOLDER / f"{r.tier}-{r.name}{r.model.suffix}")
    about = {
        "done": True,
        "left_out": absent,
        "event": params.when.event,
        "strata": finest_count(names),
    }
    _write(
        about | study.statistics() | scored.metrics,
        curves,
        scored.calibration,
        predictions(study.index, study.fold, scored.survival),
    )


def _write(
    metrics: dict[str, Any],
    curves: pd.DataFrame | None = None,
    calibration: pd.DataFrame | None = None,
    survival: pd.DataFrame | None = None,
) -> None:
    for name, found, schema in (
        ("kaplan_meier", curves, KAPLAN_MEIER),
        ("when_calibration", calibration, WHEN_CALIBRATION),
        ("when", survival, WHEN),
    ):
        frame = empty_table(schema) if found is None else found
        write_table(frame, f"results/predictions/{name}.parquet", schema)
    write_metrics(metrics, "results/metrics/when.json")


def _joined() -> tuple[pd.DataFrame, list[str]]:
    """Return all that is known of each sequence in one table, and the names of its features."""
    features = read_table("results/features.parquet", FEATURES)
    # What is yet to come of the training is not known at any step in the middle of it.
    known = [name for name in features.columns if not name.startswith(HINDSIGHT)]
    names = features_of_tier(known, "sibling")
    table = joined(
        read_table("results/sequences.parquet", SEQUENCES)[["index", "weight"]],
        labels=read_table("results/labels.parquet", LABELS),
        splits=read_table("results/splits.parquet", SPLITS)[["index", "cluster", "fold"]],
        features=features,
    )
    return table, names


if __name__ == "__main__":
    run(main)
