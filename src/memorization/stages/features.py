"""Compute what is known of each sequence before the target model is trained.

Run by ``dvc repro features``, or ``python -m memorization.stages.features``.
Reads results/suite/ and results/sequences.parquet; writes results/features.parquet.
"""

from __future__ import annotations

import torch

from memorization.features import Inputs, compute_features
from memorization.params import load_params
from memorization.progress import progress
from memorization.stages import run
from memorization.suite import Suite
from memorization.tables import FEATURES, SEQUENCES, read_table, token_matrix, write_table


def main() -> None:
    """Write results/features.parquet."""
    params = load_params()
    torch.set_num_threads(params.threads)
    suite = Suite.read("results/suite")
    sequences = read_table("results/sequences.parquet", SEQUENCES)
    siblings = {name: suite.load(name) for name in suite.smaller(params.target)}
    inputs = Inputs(
        index=sequences["index"].to_numpy(),
        tokens=token_matrix(sequences["tokens"]),
        step=sequences["step"].to_numpy(),
        domain=sequences["domain"].to_numpy(dtype=object),
        windows=suite.windows,
        tokenizer=suite.tokenizer,
        reference=next(iter(siblings.values()), None),
        siblings=siblings,
        batch=params.batch,
    )
    families = params.features.families
    with progress("features", len(families), "families") as advance:
        features = compute_features(inputs, families, lambda _: advance(1))
    write_table(features, "results/features.parquet", FEATURES)


if __name__ == "__main__":
    run(main)
