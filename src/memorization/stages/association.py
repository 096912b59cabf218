"""Which features go with memorization?

python -m memorization.stages.association
"""

from __future__ import annotations

from threadpoolctl import threadpool_limits

from memorization.association.analyse import associate, n_steps
from memorization.evaluation.bootstrap import Bootstrap
from memorization.files import write_metrics
from memorization.params import load_params
from memorization.progress import progress
from memorization.randomness import generator
from memorization.stages import run_stage
from memorization.study import Study
from memorization.tables import ASSOCIATION, CORRELATION, write_table


def main() -> None:
    """Write the tables and the metrics."""
    params = load_params()
    study = Study.read("results", params.seed)
    rng = generator(params.seed, "association")
    rng.integers(2**31)  # The first number of this stream is the seed of every fit.
    bootstrap = Bootstrap.of(
        study.cluster, params.bootstrap.replicates, params.bootstrap.level, rng
    )
    with (
        # One thread a process: the bits of a sum depend on their number.
        threadpool_limits(1),
        progress("association", n_steps(study.features), "features and models") as advance,
    ):
        found = associate(study, bootstrap, advance, params.threads)
    write_table(found.univariate, "results/predictions/association.parquet", ASSOCIATION)
    write_table(found.correlation, "results/predictions/correlation.parquet", CORRELATION)
    write_metrics(found.metrics, "results/metrics/association.json")


if __name__ == "__main__":
    run_stage(main)
