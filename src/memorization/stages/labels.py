"""When is each one extractable?

python -m memorization.stages.labels
"""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import torch

from memorization.files import write_metrics
from memorization.labels.events import event_times, label_statistics
from memorization.labels.make import make_trajectories
from memorization.params import load_params
from memorization.resume import PARTIAL, file_digest, work_folder
from memorization.stages import run
from memorization.suite.device import choose_device
from memorization.suite.read import read_suite
from memorization.tables import LABELS, SEQUENCES, read_table, token_matrix, write_table

SAMPLE = Path("results/sequences.parquet")


def main() -> None:
    """Take or make trajectories, and turn them into event times."""
    params = load_params()
    torch.set_num_threads(params.threads)
    suite = read_suite("results/suite")
    sequences = read_table(SAMPLE, SEQUENCES)
    tokens = token_matrix(sequences["tokens"])
    made = make_trajectories(
        params,
        suite,
        sequences["index"].to_numpy(),
        tokens,
        choose_device(params.device),
        _work_folder,
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
    for finished in PARTIAL.glob("labels-*"):
        shutil.rmtree(finished)


def _work_folder(inputs: dict[str, Any]) -> Path:
    return work_folder("labels", inputs | {"sequences": file_digest(SAMPLE)})


if __name__ == "__main__":
    run(main)
