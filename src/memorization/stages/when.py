"""At which checkpoint is each sequence memorized?

python -m memorization.stages.when
"""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from memorization.features import features_of_tier
from memorization.metrics.bootstrap import cluster_multiplicities
from memorization.metrics.files import write_metrics
from memorization.params import Params, load_params
from memorization.progress import progress
from memorization.randomness import generator
from memorization.stages import run
from memorization.suite import Suite
from memorization.tables import (
    FEATURES,
    KAPLAN_MEIER,
    LABELS,
    SEQUENCES,
    SPLITS,
    WHEN,
    WHEN_CALIBRATION,
    read_table,
    write_table,
)
from memorization.when.crossfit import out_of_fold, plan, predictions
from memorization.when.curves import survival_curves
from memorization.when.evaluate import Evaluation, calibration_of, event_statistics, metrics_of
from memorization.when.models import chosen
from memorization.when.targets import targets_of

MODELS_FOLDER = Path("results/models/when")


def main() -> None:
    """Cross-fit the survival models, score them, and keep those fitted to all rows."""
    params = load_params()
    # Bounds the threads of the linear algebra and of scikit-learn's own loops.
    with threadpool_limits(params.threads):
        _survival_study(params)


def _survival_study(params: Params) -> None:
    models = chosen(params.when.models)
    steps = np.array(Suite.read("results/suite").steps)
    table, names = _joined()
    features, weight = table[names], table["weight"].to_numpy()
    fold = table["fold"].to_numpy()
    targets = targets_of(table, steps, params.when.event)
    runs = plan(models, names)
    drawn = cluster_multiplicities(
        table["cluster"].to_numpy(), params.bootstrap.replicates, generator(params.seed, "when")
    )
    curves = survival_curves(features, targets, steps, weight, drawn, params.bootstrap.level)
    write_table(curves, "results/predictions/kaplan_meier.parquet", KAPLAN_MEIER)

    survival = {}
    with progress("when: fits", len(runs) * len(np.unique(fold)), "fits") as advance:
        for r in runs:
            survival[r.tier, r.name] = out_of_fold(
                r, features, targets, weight, fold, params.seed, params.threads, advance
            )
    evaluation = Evaluation(targets, steps, weight, fold, drawn, params.bootstrap.level)
    with progress("when: intervals", len(runs), "models") as advance:
        metrics = metrics_of(evaluation, survival, advance)

    index = table["index"].to_numpy()
    write_table(predictions(index, fold, survival), "results/predictions/when.parquet", WHEN)
    groups = calibration_of(evaluation, survival)
    write_table(groups, "results/predictions/when_calibration.parquet", WHEN_CALIBRATION)
    shutil.rmtree(MODELS_FOLDER, ignore_errors=True)
    for r in runs:
        fitted = r.fit(features, targets, weight, params.seed, params.threads)
        fitted.save(MODELS_FOLDER / f"{r.tier}-{r.name}{r.model.suffix}")
    statistics = event_statistics(targets, steps, weight, params.when.event)
    write_metrics(statistics | metrics, "results/metrics/when.json")


def _joined() -> tuple[pd.DataFrame, list[str]]:
    """Return all that is known of each sequence in one table, and the names of its features."""
    features = read_table("results/features.parquet", FEATURES)
    names = features_of_tier(features.columns, "sibling")
    table = read_table("results/labels.parquet", LABELS)
    sequences = read_table("results/sequences.parquet", SEQUENCES)[["index", "weight"]]
    splits = read_table("results/splits.parquet", SPLITS)[["index", "cluster", "fold"]]
    for other in (sequences, splits, features):
        table = table.merge(other, on="index", how="inner", validate="one_to_one")
    return table, names


if __name__ == "__main__":
    run(main)
