"""What does a smaller model's memory tell of a larger one's?

python -m memorization.stages.siblings
"""

from threadpoolctl import threadpool_limits

from memorization.files import write_metrics
from memorization.labels.trajectories import Trajectories
from memorization.params import load_params
from memorization.randomness import generator
from memorization.siblings.checkpoints import rows_of
from memorization.siblings.metrics import sibling_metrics
from memorization.stages import run
from memorization.suite.read import read_suite
from memorization.tables import SEQUENCES, SPLITS, joined, read_table


def main() -> None:
    """Write results/metrics/siblings.json."""
    params = load_params()
    sample = joined(
        read_table("results/sequences.parquet", SEQUENCES)[["index", "weight"]],
        splits=read_table("results/splits.parquet", SPLITS)[["index", "cluster"]],
    )
    trajectories = Trajectories.read("results/trajectories.npz")
    # One thread: the last bits of a sum depend on their number.
    with threadpool_limits(1):
        metrics = sibling_metrics(
            read_suite("results/suite"),
            params.target,
            rows_of(trajectories, sample["index"].to_numpy()),
            sample["weight"].to_numpy(),
            sample["cluster"].to_numpy(),
            params.bootstrap.replicates,
            params.bootstrap.level,
            generator(params.seed, "siblings"),
        )
    write_metrics(metrics, "results/metrics/siblings.json")


if __name__ == "__main__":
    run(main)
