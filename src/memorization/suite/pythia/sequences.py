"""Published tables of sequences: read in batches, put in order, each index kept once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as compute
import pyarrow.parquet as parquet

from memorization.errors import UserError
from memorization.files import replacing
from memorization.protocol import SEQUENCE
from memorization.suite.pythia.arrays import allocate, save_array

# Rows in memory at a time: 64 int64 a row as published, so 33 MB.
BATCH = 65_536

_ANOTHER_COMMIT = "pin another commit of the data set in pythia.revisions"


@dataclass(frozen=True)
class Merged:
    """Sequences of several files in order of their index.

    Attributes
    ----------
    n_rows : rows of the files.
    index : int64 [n], ascending, distinct.
    order : int64 [n], the row that each comes from.
    tokens : uint16 [n_rows, 64], in the order of the files, on disk.
    extra : float32 [n_rows, k], further columns, in the order of the files.
    """

    n_rows: int
    index: np.ndarray
    order: np.ndarray
    tokens: np.ndarray
    extra: np.ndarray

    def in_order(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield (index, tokens uint16 [b, 64]) batch by batch, in order of the index."""
        for start in range(0, len(self.index), BATCH):
            rows = slice(start, start + BATCH)
            yield self.index[rows], self.tokens[self.order[rows]]


def read_batches(path: Path, columns: list[str]) -> Iterator[pa.RecordBatch]:
    """Yield some columns of a Parquet file batch by batch.

    Raises
    ------
    UserError
        If the file is damaged or lacks a column.
    """
    with _open(path) as file:
        missing = [name for name in columns if name not in file.schema_arrow.names]
        if missing:
            raise UserError(
                f"{path}: no column '{missing[0]}'; it has {', '.join(file.schema_arrow.names)}"
            )
        try:
            yield from file.iter_batches(BATCH, columns=columns)
        except (pa.ArrowInvalid, OSError) as error:
            raise _damaged(path, error) from None


def whole_numbers(column: pa.Array, name: str, path: Path) -> np.ndarray:
    """Return a column of places or counts, int64.

    Raises
    ------
    UserError
        If one is missing, which would become a number like any other, or negative.
    """
    found = column.to_numpy(zero_copy_only=False)  # missing ones as NaN
    if found.dtype.kind not in "iuf" or not (np.isfinite(found) & (found == found.round())).all():
        raise UserError(f"{path}: a row without a whole number in '{name}'; {_ANOTHER_COMMIT}")
    numbers = found.astype(np.int64)
    if (numbers < 0).any():
        raise UserError(
            f"{path}: {numbers.min()} in '{name}'; all must be 0 or more; {_ANOTHER_COMMIT}"
        )
    return numbers


def merge(
    paths: Sequence[Path],
    index_column: str,
    tokens_column: str,
    scratch: Path,
    extra: Sequence[str] = (),
    below: int | None = None,
) -> Merged:
    """Return the sequences of some Parquet files, sorted by index, each index once.

    Published tables hold a few indices twice: the evaluation's last batch of a rank runs on into
    the next rank's sequences (EleutherAI/pythia, predictable-memorization/eval_memorization.py).

    Parameters
    ----------
    paths : the files.
    index_column, tokens_column : names of an integer column and of one of lists of 64 tokens.
    scratch : a file to keep tokens in meanwhile, 128 bytes a row.
    extra : names of number columns.
    below : only sequences with a smaller index are kept; None: all.

    Raises
    ------
    UserError
        If a file is damaged or has other columns, an index or a number is missing, an index is
        negative, or one stands for two different sequences.
    """
    n_rows = sum(_open(path).metadata.num_rows for path in paths)
    index = np.empty(n_rows, np.int64)
    numbers = np.empty((n_rows, len(extra)), np.float32)
    tokens = allocate(scratch, np.uint16, (n_rows, SEQUENCE))
    start = 0
    for path in paths:
        for batch in read_batches(path, [index_column, tokens_column, *extra]):
            rows = slice(start, start + len(batch))
            index[rows] = whole_numbers(batch[index_column], index_column, path)
            tokens[rows] = _matrix(batch[tokens_column], path)
            for number, name in enumerate(extra):
                numbers[rows, number] = _numbers(batch[name], name, path)
            start += len(batch)
    order = np.argsort(index, kind="stable")
    ascending = index[order]
    repeats = np.flatnonzero(ascending[1:] == ascending[:-1]) + 1
    _check_repeats(ascending, order, repeats, tokens, paths)
    order = np.delete(order, repeats)
    if below is not None:
        order = order[index[order] < below]
    return Merged(n_rows, index[order], order, tokens, numbers)


def write_sequences(merged: Merged, path: Path) -> None:
    """Write ``index`` int64 and ``tokens`` uint16[64] as Parquet, whole or not at all."""
    schema = pa.schema([("index", pa.int64()), ("tokens", pa.list_(pa.uint16(), SEQUENCE))])
    with (
        replacing(path) as partial,
        parquet.ParquetWriter(partial, schema, compression="zstd") as writer,
    ):
        for index, tokens in merged.in_order():
            column = pa.FixedSizeListArray.from_arrays(pa.array(tokens.ravel()), SEQUENCE)
            writer.write_batch(pa.record_batch([pa.array(index), column], schema=schema))


def write_arrays(merged: Merged, index_path: Path, tokens_path: Path) -> None:
    """Write ``index`` int64 [n] and ``tokens`` uint16 [n, 64] as ``.npy``, each whole or not."""
    with replacing(tokens_path) as partial:
        tokens = allocate(partial, np.uint16, (len(merged.index), SEQUENCE))
        start = 0
        for _, batch in merged.in_order():
            tokens[start : start + len(batch)] = batch
            start += len(batch)
        tokens.flush()
    save_array(merged.index, index_path)


def _open(path: Path) -> parquet.ParquetFile:
    try:
        return parquet.ParquetFile(path, buffer_size=1 << 20, pre_buffer=False)
    except (pa.ArrowInvalid, OSError) as error:
        raise _damaged(path, error) from None


def _numbers(column: pa.Array, name: str, path: Path) -> np.ndarray:
    """Return a column of numbers, float32."""
    numbers = column.to_numpy(zero_copy_only=False).astype(np.float32)
    if np.isnan(numbers).any():
        raise UserError(f"{path}: a row without a number in '{name}'; {_ANOTHER_COMMIT}")
    return numbers


def _matrix(column: pa.Array, path: Path) -> np.ndarray:
    """Return a column of token lists as a matrix."""
    lengths = compute.unique(compute.list_value_length(column)).to_pylist()
    wrong = [length for length in lengths if length != SEQUENCE]
    if wrong:
        raise UserError(f"{path}: a sequence of {wrong[0]} tokens; all must have {SEQUENCE}")
    flat = column.flatten().to_numpy(zero_copy_only=False)
    if ((flat < 0) | (flat > np.iinfo(np.uint16).max)).any():
        raise UserError(f"{path}: a token outside of 0…65535; these are no tokens of Pythia")
    return flat.reshape(-1, SEQUENCE)


def _check_repeats(
    ascending: np.ndarray,
    order: np.ndarray,
    repeats: np.ndarray,
    tokens: np.ndarray,
    paths: Sequence[Path],
) -> None:
    differ = (tokens[order[repeats]] != tokens[order[repeats - 1]]).any(axis=1)
    if differ.any():
        raise UserError(
            f"{paths[0]}: index {ascending[repeats[differ][0]]} occurs twice, with different "
            f"tokens; {_ANOTHER_COMMIT}"
        )


def _damaged(path: Path, error: Exception) -> UserError:
    reason = " ".join(str(error).split())
    return UserError(f"{path}: not a whole Parquet file ({reason}); delete it and run again")
