"""The files of the published data sets: Parquet, Megatron's, and compressed JSON lines."""

from __future__ import annotations

import hashlib
import io
import json
import struct
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
import zstandard

from memorization.suite.micro.corpus import Document

Files = dict[str, bytes]


def parquet_shards(split: str, table: pa.Table, n_shards: int) -> Files:
    """Return ``data/SPLIT-0000i-of-0000n-HASH.parquet``, as ``Dataset.push_to_hub`` names them."""
    files = {}
    ends = np.linspace(0, table.num_rows, n_shards + 1).astype(int)
    for shard, (start, stop) in enumerate(pairwise(ends)):
        buffer = io.BytesIO()
        parquet.write_table(table.slice(start, stop - start), buffer)
        digest = hashlib.sha256(buffer.getvalue()).hexdigest()[:16]
        files[f"data/{split}-{shard:05d}-of-{n_shards:05d}-{digest}.parquet"] = buffer.getvalue()
    return files


def evals_table(index: np.ndarray, sequences: np.ndarray, repeats: int = 3) -> pa.Table:
    """Return what a model has memorized, in the order and with the repeats of several ranks.

    Parameters
    ----------
    index : int64, of the memorized sequences.
    sequences : [population, 64].
    repeats : how many of the first sequences of the second rank the first has evaluated as well.
    """
    half = len(index) // 2
    index = np.concatenate([index[: half + min(repeats, len(index) - half)], index[half:]])
    return pa.table(
        {
            "index": pa.array(index, pa.int64()),
            "tokens": pa.array(list(sequences[index].astype(np.int64)), pa.list_(pa.int64())),
            "__index_level_0__": pa.array(np.arange(len(index)), pa.int64()),
        }
    )


def sample_table(
    index: np.ndarray, sequences: np.ndarray, scores: dict[str, np.ndarray]
) -> pa.Table:
    """Return the random sample: ``Index``, ``Tokens``, and a score for each model."""
    columns = {
        "Index": pa.array(index, pa.int64()),
        "Tokens": pa.array(list(sequences[index].astype(np.uint16)), pa.list_(pa.uint16())),
    }
    return pa.table(columns | {name: pa.array(score) for name, score in scores.items()})


def megatron_files(rows: np.ndarray, n_shards: int) -> Files:
    """Return the training data as ``document-0000i-of-0000n.bin`` and ``document.idx``.

    Cut so that rows straddle; the last number is n, as in ``document-00020-of-00020.bin``, the
    21st.
    """
    content = rows.astype("<u2").tobytes()
    size = len(content) // n_shards + 1001
    files = {
        f"document-{shard:05d}-of-{n_shards - 1:05d}.bin": content[
            shard * size : (shard + 1) * size
        ]
        for shard in range(n_shards)
    }
    return files | {"document.idx": megatron_index(*rows.shape)}


def megatron_index(n: int, window: int, dtype: int = 8) -> bytes:
    """Return the index of so many rows, each a document (EleutherAI/pythia, utils/mmap_dataset.py).

    The magic, version 1, the type (8: uint16), numbers of rows and of documents, then their sizes,
    places and borders.
    """
    header = struct.pack("<9sQBQQ", b"MMIDIDX\0\0", 1, dtype, n, n + 1)
    sizes = np.full(n, window, "<i4")
    places = np.arange(n, dtype="<i8") * window * 2
    borders = np.arange(n + 1, dtype="<i8")
    return header + sizes.tobytes() + places.tobytes() + borders.tobytes()


def continuation_counts(rows: np.ndarray) -> np.ndarray:
    """Return how often each row's tokens 32…63 occur in all rows, at any offset but the last.

    The published counts leave out the last offset of each row, ``range(2049 - 32)``.
    """
    windows = _hashes(rows, 32)[:, :-1]
    values, counts = np.unique(windows, return_counts=True)
    return counts[np.searchsorted(values, windows[:, 32])]


def _hashes(rows: np.ndarray, length: int) -> np.ndarray:
    """Return a 64-bit number for each run of tokens; equal runs have equal ones."""
    offsets = rows.shape[1] - length + 1
    total = np.zeros((len(rows), offsets), np.uint64)
    for place in range(length):
        total *= np.uint64(0x9E3779B97F4A7C15)
        total += rows[:, place : place + offsets].astype(np.uint64) + np.uint64(1)
        total ^= total >> np.uint64(29)
    return total


def frequency_files(rows: np.ndarray, is_memorized: np.ndarray, vocabulary: int) -> Files:
    """Return token counts of memorized and other rows; with places that no token has."""
    files = {}
    for split, part in (("memorized", rows[is_memorized]), ("non_memorized", rows[~is_memorized])):
        counts = np.bincount(part.ravel(), minlength=vocabulary + 8)
        table = pa.table({"TokenID": np.arange(len(counts)), "Frequency": counts})
        files |= parquet_shards(split, table, 1)
    return files


def text_files(documents: Sequence[Document], n_files: int) -> Files:
    """Return raw text as ``train/0i.jsonl.zst``, with a validation and a test file."""
    files = {}
    lines = [
        json.dumps({"text": d.text, "meta": {"pile_set_name": d.domain}}) + "\n" for d in documents
    ]
    parts = {f"train/{i:02d}.jsonl.zst": lines[i::n_files] for i in range(n_files)}
    for name, part in (parts | {"val.jsonl.zst": lines[:5], "test.jsonl.zst": lines[5:9]}).items():
        files[name] = zstandard.compress("".join(part).encode())
    return files
