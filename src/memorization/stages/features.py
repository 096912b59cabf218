"""Compute what is known of each sequence before the target model is trained.

Run by ``dvc repro features``, or ``python -m memorization.stages.features``.
Reads results/suite/ and results/sequences.parquet; writes results/features.parquet, and
results/exposures.parquet: how often each followed sequence has been met by each
checkpoint.
"""

from __future__ import annotations

import numpy as np
import torch

from memorization.features import Inputs, compute_features
from memorization.features.exposure import exposure_table
from memorization.params import load_params
from memorization.progress import progress
from memorization.stages import run_stage
from memorization.suite.read import read_suite
from memorization.tables import (
    EXPOSURES,
    FEATURES,
    SEQUENCES,
    read_table,
    token_matrix,
    write_table,
)


def main() -> None:
    """Write results/features.parquet and results/exposures.parquet."""
    params = load_params()
    torch.set_num_threads(params.threads)
    suite = read_suite("results/suite")
    sequences = read_table("results/sequences.parquet", SEQUENCES)
    index = sequences["index"].to_numpy()
    smaller = suite.smaller(params.target)
    siblings = {name: suite.load(name) for name in smaller if suite.has(name)}
    offset, document_length = suite.document_place(index) or (None, None)
    inputs = Inputs(
        index=index,
        tokens=token_matrix(sequences["tokens"]),
        step=sequences["step"].to_numpy(),
        domain=sequences["domain"].to_numpy(dtype=object),
        windows=suite.corpus,
        rows=suite.corpus_rows(index),
        tokenizer=suite.tokenizer,
        corpus_step=suite.corpus_step,
        corpus_place=suite.corpus_place,
        context=suite.context(index),
        offset=offset,
        document_length=document_length,
        epoch=suite.epoch(index),
        duplicates=suite.published_duplicates(index),
        token_count=suite.published_token_counts(),
        reference=next(iter(siblings.values()), None),
        memorized={name: np.isin(index, suite.memorized(name)) for name in smaller},
        siblings=siblings,
        batch=params.batch,
        engine=params.features.engine,
    )
    families = params.features.families
    with progress("features", len(families), "families") as advance:
        features = compute_features(inputs, families, lambda _: advance(1))
    write_table(features, "results/features.parquet", FEATURES)
    exposures = exposure_table(inputs, suite.steps, sequences["followed"].to_numpy())
    write_table(exposures, "results/exposures.parquet", EXPOSURES)


if __name__ == "__main__":
    run_stage(main)
