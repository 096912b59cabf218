"""When is each sequence extractable?

python -m memorization.stages.labels
"""

import shutil
from pathlib import Path

import numpy as np
import torch

from memorization.labels.events import event_times, label_statistics
from memorization.labels.scan import scan
from memorization.metrics.files import write_metrics
from memorization.params import load_params
from memorization.resume import file_digest, work_folder
from memorization.stages import run
from memorization.suite import Suite
from memorization.suite.device import choose_device
from memorization.tables import LABELS, SEQUENCES, read_table, token_matrix, write_table


def main() -> None:
    """Scan the target's checkpoints and turn trajectories into event times."""
    params = load_params()
    torch.set_num_threads(params.threads)
    suite = Suite.read("results/suite")
    sequences = read_table("results/sequences.parquet", SEQUENCES)
    tokens, index = token_matrix(sequences["tokens"]), sequences["index"].to_numpy()
    last = suite.checkpoint(params.target, suite.steps[-1]) / "model.safetensors"
    device = choose_device(params.device)
    inputs = {
        "sequences": file_digest("results/sequences.parquet"),
        "model": file_digest(last),
        "batch": params.batch,
        "threads": params.threads,
        "device": device.type,
        "torch": torch.__version__,
    }
    work = work_folder("labels", inputs)
    match_length, logprob = scan(suite, params.target, tokens, params.batch, work, device)
    steps = np.array(suite.steps)
    np.savez_compressed(
        "results/trajectories.npz",
        index=index,
        steps=steps,
        match_length=match_length,
        continuation_logprob=logprob,
    )
    labels = event_times(index, steps, match_length)
    write_table(labels, "results/labels.parquet", LABELS)
    _, texts = np.unique(tokens, axis=0, return_inverse=True)
    statistics = label_statistics(
        labels,
        sequences["weight"].to_numpy(),
        texts.reshape(-1),
        match_length,
        sequences["step"].to_numpy(),
    )
    statistics["target"] = params.target
    statistics["population"] = len(suite.windows)
    statistics["memorized_by_model"] = {
        model: len(suite.memorized(model)) for model in suite.models
    }
    write_metrics(statistics, Path("results/metrics/labels.json"))
    shutil.rmtree(work)


if __name__ == "__main__":
    run(main)
