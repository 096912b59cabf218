"""When is each one extractable?

python -m memorization.stages.labels
"""

import numpy as np
import torch

from memorization.errors import run
from memorization.files import write_metrics
from memorization.labels.events import event_times, label_statistics
from memorization.labels.make import make_trajectories
from memorization.params import load_params
from memorization.suite.device import choose_device
from memorization.suite.read import read_suite
from memorization.tables import LABELS, SEQUENCES, read_table, token_matrix, write_table


def main() -> None:
    """Take or make trajectories, and turn them into event times."""
    params = load_params()
    torch.set_num_threads(params.threads)
    suite = read_suite("results/suite")
    sequences = read_table("results/sequences.parquet", SEQUENCES)
    tokens = token_matrix(sequences["tokens"])
    made = make_trajectories(
        params,
        suite,
        sequences["index"].to_numpy(),
        tokens,
        choose_device(params.device),
    )
    made.trajectories.write("results/trajectories.npz")
    labels = event_times(made.trajectories)
    write_table(labels, "results/labels.parquet", LABELS)
    _, texts = np.unique(tokens, axis=0, return_inverse=True)
    statistics = label_statistics(
        labels,
        sequences["weight"].to_numpy(),
        texts.reshape(-1),
        made.trajectories,
        sequences["step"].to_numpy(),
    )
    about = {
        "target": params.target,
        "population": suite.population,
        "memorized_by_model": {model: len(suite.memorized(model)) for model in suite.models},
    }
    write_metrics(statistics | about | made.metrics, "results/metrics/labels.json")


if __name__ == "__main__":
    run(main)
