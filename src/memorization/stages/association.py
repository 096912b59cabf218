"""Which features go with memorization?

Run by ``dvc repro association``, or ``python -m memorization.stages.association``.
Reads results/{features,labels,sequences,splits}.parquet; writes
results/predictions/association.parquet, results/predictions/correlation.parquet and
results/metrics/association.json.
"""

from __future__ import annotations

from threadpoolctl import threadpool_limits

from memorization.association.analyse import associate, n_steps
from memorization.files import write_metrics
from memorization.params import load_params
from memorization.progress import progress
from memorization.randomness import generator
from memorization.stages import run
from memorization.tables import (
    ASSOCIATION,
    CORRELATION,
    FEATURES,
    LABELS,
    SEQUENCES,
    SPLITS,
    read_table,
    write_table,
)
from memorization.whether.analysis import Sample


def main() -> None:
    """Write the tables and the metrics."""
    params = load_params()
    sample = Sample.join(
        read_table("results/features.parquet", FEATURES),
        read_table("results/sequences.parquet", SEQUENCES),
        read_table("results/labels.parquet", LABELS),
        read_table("results/splits.parquet", SPLITS),
    )
    with (
        # One thread a process: the bits of a sum depend on their number.
        threadpool_limits(1),
        progress("association", n_steps(sample.features), "features and models") as advance,
    ):
        found = associate(
            sample,
            params.bootstrap.replicates,
            params.bootstrap.level,
            generator(params.seed, "association"),
            advance,
            params.threads,
        )
    write_table(found.univariate, "results/predictions/association.parquet", ASSOCIATION)
    write_table(found.correlation, "results/predictions/correlation.parquet", CORRELATION)
    write_metrics(found.metrics, "results/metrics/association.json")


if __name__ == "__main__":
    run(main)
