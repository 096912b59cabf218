"""Counts over all of the training data that others have published."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from memorization.errors import UserError
from memorization.files import replacing
from memorization.suite.hub import Repository, download, list_files
from memorization.suite.pythia.arrays import allocate, save_array
from memorization.suite.pythia.sequences import read_batches, whole_numbers


def fetch_duplicates(
    repository: Repository, variant: str, population: int, path: Path
) -> dict[str, Any]:
    """Write how often each sequence's continuation occurs, uint32 [population], as ``.npy``.

    Occurrences of its tokens 32 to 63, exact, at any offset of any row of the training data, itself
    included; row = ``index`` (usvsnsp/generation-num-duplicates; made by
    EleutherAI/semantic-memorization, working_dirs/orz/sequence_duplication).

    Raises
    ------
    UserError
        If a sequence has no count, or one that is not of the population has.
    """
    with replacing(path) as partial:
        counts = allocate(partial, np.uint32, (population,))
        for name in list_files(repository, f"data/{variant}-*.parquet"):
            for index, count in _columns(download(repository, name), "sequence_id", "counts"):
                if index.max(initial=0) >= population:
                    raise UserError(
                        f"{repository}: counts sequence {index.max():,}, but there are only "
                        f"{population:,}; pin another commit in pythia.revisions"
                    )
                counts[index] = count
        missing = int((counts == 0).sum())
        if missing:
            raise UserError(
                f"{repository}: {missing:,} of {population:,} sequences have no count; pin another "
                "commit in pythia.revisions, or set pythia.published_counts to false"
            )
        counts.flush()
    return {"sequences": population}


def fetch_token_counts(repository: Repository, vocabulary: int, path: Path) -> dict[str, Any]:
    """Write how often each token occurs in the training data, int64 [V], as ``.npy``.

    The published table is in two parts, tokens of memorized sequences and of others, which are
    added: apart they would tell which sequences are memorized.

    Raises
    ------
    UserError
        If no token occurs at all.
    """
    total = np.zeros(vocabulary, np.int64)
    for name in list_files(repository, "data/*.parquet"):
        for token, count in _columns(download(repository, name), "TokenID", "Frequency"):
            # Beyond the vocabulary are the counting script's spare places.
            known = token < vocabulary
            np.add.at(total, token[known], count[known])
    if not total.any():
        raise UserError(f"{repository}: every count is 0; pin another commit in pythia.revisions")
    save_array(total, path)
    return {"tokens": int(total.sum())}


def _columns(path: Path, *names: str) -> Iterator[list[np.ndarray]]:
    for batch in read_batches(path, list(names)):
        yield [whole_numbers(batch[name], name, path) for name in names]
