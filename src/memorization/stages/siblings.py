"""What does a smaller model's memory tell of a larger one's?

python -m memorization.stages.siblings
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from memorization.evaluation.bootstrap import Bootstrap
from memorization.files import write_metrics
from memorization.labels.trajectories import Trajectories
from memorization.params import load_params
from memorization.randomness import generator
from memorization.siblings.analyse import sibling_metrics
from memorization.stages import run_stage
from memorization.study import Study
from memorization.study.histories import rows_of
from memorization.suite.read import labelled, read_suite
from memorization.tables import SEQUENCES, SPLITS, read_table


def main() -> None:
    """Write results/metrics/siblings.json."""
    params = load_params()
    suite = read_suite("results/suite")
    sequences = read_table("results/sequences.parquet", SEQUENCES)
    # What earlier checkpoints tell is known of those that were followed.
    sequences = sequences[sequences["followed"]].assign(weight=sequences["when_weight"])
    index = sequences["index"]
    splits = read_table("results/splits.parquet", SPLITS)
    trajectories = Trajectories.read("results/trajectories.npz")
    if params.target in labelled(suite):
        memorized = np.isin(index, suite.memorized(params.target))
    else:
        memorized = np.asarray(rows_of(trajectories, index.to_numpy()).memorized[:, -1])
    study = Study.join(
        sequences,
        splits[splits["index"].isin(index)],
        labels=pd.DataFrame({"index": index, "memorized": memorized}),
        seed=params.seed,
    )
    bootstrap = Bootstrap.of(
        study.cluster,
        params.bootstrap.replicates,
        params.bootstrap.level,
        generator(params.seed, "siblings"),
    )
    trajectories = rows_of(trajectories, study.index)
    # One thread: the last bits of a sum depend on their number.
    with threadpool_limits(1):
        metrics = sibling_metrics(study, suite, params.target, trajectories, bootstrap)
    write_metrics(metrics, "results/metrics/siblings.json")


if __name__ == "__main__":
    run_stage(main)
