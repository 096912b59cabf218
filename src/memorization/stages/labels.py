"""When is each one extractable?

python -m memorization.stages.labels
"""

import numpy as np
import torch

from memorization.files import write_metrics
from memorization.labels.census import Census, census_statistics, take_census
from memorization.labels.events import event_times, label_statistics, with_unfollowed
from memorization.labels.make import make_trajectories, scan_arm
from memorization.labels.margins import margin_statistics, margins_table
from memorization.labels.runs import run_arrays, run_statistics, scan_runs
from memorization.params import load_params
from memorization.stages import run_stage
from memorization.suite.device import choose_device
from memorization.suite.micro.suite import MicroSuite
from memorization.suite.read import labelled, read_suite
from memorization.tables import LABELS, MARGINS, SEQUENCES, read_table, token_matrix, write_table


def main() -> None:
    """Take or make trajectories and event times; where all is known, take a census."""
    params = load_params()
    torch.set_num_threads(params.threads)
    suite = read_suite("results/suite")
    sequences = read_table("results/sequences.parquet", SEQUENCES)
    tokens = token_matrix(sequences["tokens"])
    device = choose_device(params.device)
    followed = sequences["followed"].to_numpy()
    index, weight = sequences["index"].to_numpy(), sequences["when_weight"].to_numpy()[followed]
    made = make_trajectories(params, suite, index[followed], tokens[followed], device)
    arm = scan_arm(params, suite, made.trajectories, device)
    scanned, excluded = scan_runs(params, suite, made.trajectories, tokens[followed], device)
    runs = run_arrays(suite, scanned)
    made.trajectories.write("results/trajectories.npz", arm, runs)
    labels = event_times(made.trajectories)
    _, texts = np.unique(tokens[followed], axis=0, return_inverse=True)
    statistics = label_statistics(
        labels,
        weight,
        texts.reshape(-1),
        made.trajectories,
        sequences["step"].to_numpy()[followed],
    )
    statistics["census"] = None
    census, margins = Census.none(), made.margins
    if isinstance(suite, MicroSuite):
        census, margins = take_census(params, suite, index, tokens, device)
        labels = with_unfollowed(labels, index, census.match_length[:, -1])
        statistics["census"] = census_statistics(census, made.trajectories, weight)
    census.write("results/census.npz")
    write_table(labels, "results/labels.parquet", LABELS)
    table = margins_table(labels, margins)
    write_table(table, "results/margins.parquet", MARGINS)
    memorized = {model: suite.memorized(model) for model in labelled(suite)}
    n_memorized = {model: len(found) for model, found in memorized.items()}
    published = None
    if params.target in memorized:
        published = labels["index"].isin(memorized[params.target]).to_numpy()
    else:
        # What the sample says of the population.
        n_memorized[params.target] = round(weight @ made.trajectories.memorized[:, -1])
    statistics["margins"] = margin_statistics(table, published, margins)
    if runs:
        statistics["runs"] = run_statistics(runs, weight) | {"excluded": excluded}
    about = {
        "target": params.target,
        "population": suite.population,
        "memorized_by_model": n_memorized,
    }
    write_metrics(statistics | about | made.metrics, "results/metrics/labels.json")


if __name__ == "__main__":
    run_stage(main)
