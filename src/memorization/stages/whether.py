"""Does a sequence end up memorized?

python -m memorization.stages.whether
"""

import shutil
from pathlib import Path

from threadpoolctl import threadpool_limits

from memorization.features import features_of_tier
from memorization.files import write_metrics
from memorization.params import load_params
from memorization.progress import progress
from memorization.protocol import TIERS
from memorization.registry import named
from memorization.stages import run
from memorization.tables import (
    FEATURES,
    IMPORTANCE,
    LABELS,
    SEQUENCES,
    SPLITS,
    WHETHER,
    read_table,
    write_table,
)
from memorization.whether.analysis import Sample, analyse
from memorization.whether.evaluate import candidates
from memorization.whether.models import MODELS, save_fitted

FOLDER = Path("results/models/whether")


def main() -> None:
    """Write predictions, importance, metrics and models."""
    params = load_params()
    models = named(MODELS, params.whether.models, "whether.models")
    features = read_table("results/features.parquet", FEATURES)
    sample = Sample.join(
        features,
        read_table("results/sequences.parquet", SEQUENCES),
        read_table("results/labels.parquet", LABELS),
        read_table("results/splits.parquet", SPLITS),
    )
    columns = {tier: features_of_tier(features.columns, tier) for tier in TIERS}
    n_models = len(candidates(columns, models))
    with (
        # One thread a process: the bits of a sum depend on their number.
        threadpool_limits(1),
        progress("whether", n_models, "models") as advance,
    ):
        analysis = analyse(
            sample,
            columns,
            models,
            params.bootstrap.replicates,
            params.bootstrap.level,
            params.seed,
            advance,
            params.threads,
        )
    write_table(analysis.predictions, "results/predictions/whether.parquet", WHETHER)
    write_table(analysis.importance, "results/predictions/importance.parquet", IMPORTANCE)
    # Models of an earlier run, of other names, would stay otherwise.
    shutil.rmtree(FOLDER, ignore_errors=True)
    for (tier, model), fitted in analysis.fitted.items():
        save_fitted(fitted, FOLDER / f"{tier}-{model}.skops")
    write_metrics(analysis.metrics, "results/metrics/whether.json")


if __name__ == "__main__":
    run(main)
