"""Which sequences are the same text, and which folds keep them together?

python -m memorization.stages.split
"""

from memorization.files import write_metrics
from memorization.params import load_params
from memorization.randomness import generator
from memorization.split.folds import split_sequences
from memorization.stages import run_stage
from memorization.tables import (
    LABELS,
    SEQUENCES,
    SPLITS,
    joined,
    read_table,
    token_matrix,
    write_table,
)


def main() -> None:
    """Write results/splits.parquet and results/metrics/split.json."""
    params = load_params()
    sequences = joined(
        read_table("results/sequences.parquet", SEQUENCES),
        labels=read_table("results/labels.parquet", LABELS),
    )
    splits, report = split_sequences(
        token_matrix(sequences["tokens"]),
        sequences["memorized"].to_numpy(),
        params.split.folds,
        params.split.shared_tokens,
        params.split.largest_cluster,
        generator(params.seed, "split"),
    )
    splits.insert(0, "index", sequences["index"])
    write_table(splits, "results/splits.parquet", SPLITS)
    write_metrics(report, "results/metrics/split.json")


if __name__ == "__main__":
    run_stage(main)
