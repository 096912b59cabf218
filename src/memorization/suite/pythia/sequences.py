"""Published tables of sequences and counts: checked, put in order, each index kept once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as compute
import pyarrow.parquet as parquet

from memorization.errors import UserError
from memorization.files import replacing
from memorization.protocol import SEQUENCE
from memorization.suite.pythia.pieces import allocate, save_array

# Rows in memory at a time: 64 int64 a row as published, so 33 MB.
BATCH = 65_536
MOST_TOKEN = np.iinfo(np.uint16).max

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
    scores : float32 [n_rows, k], in the order of the files.
    """

    n_rows: int
    index: np.ndarray
    order: np.ndarray
    tokens: np.ndarray
    scores: np.ndarray

    def below(self, index: int) -> Merged:
        """Return the sequences of a smaller index."""
        n = int(np.searchsorted(self.index, index))
        return replace(self, index=self.index[:n], order=self.order[:n])

    def in_order(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield (index, tokens uint16 [b, 64]) batch by batch, in order of the index."""
        for start in range(0, len(self.index), BATCH):
            rows = slice(start, start + BATCH)
            yield self.index[rows], self.tokens[self.order[rows]]

    def write_table(self, path: Path) -> None:
        """Write ``index`` int64 and ``tokens`` uint16[64] as Parquet, whole or not at all."""
        schema = pa.schema([("index", pa.int64()), ("tokens", pa.list_(pa.uint16(), SEQUENCE))])
        with (
            replacing(path) as partial,
            parquet.ParquetWriter(partial, schema, compression="zstd") as writer,
        ):
            for index, tokens in self.in_order():
                column = pa.FixedSizeListArray.from_arrays(pa.array(tokens.ravel()), SEQUENCE)
                writer.write_batch(pa.record_batch([pa.array(index), column], schema=schema))

    def write_arrays(self, index_path: Path, tokens_path: Path) -> None:
        """Write ``index`` int64 [n] and ``tokens`` uint16 [n, 64] as ``.npy``, whole or not."""
        with replacing(tokens_path) as partial:
            tokens = allocate(partial, np.uint16, (len(self.index), SEQUENCE))
            start = 0
            for _, batch in self.in_order():
                tokens[start : start + len(batch)] = batch
                start += len(batch)
            tokens.flush()
        save_array(self.index, index_path)


def merge(
    paths: Sequence[Path],
    columns: tuple[str, str],
    scratch: Path,
    population: int,
    scores: Sequence[str] = (),
) -> Merged:
    """Return the sequences of some Parquet files, sorted by index, each index once.

    Published tables hold a few indices twice: the evaluation's last batch of a rank runs on into
    the next rank's sequences (EleutherAI/pythia, predictable-memorization/eval_memorization.py).

    Parameters
    ----------
    columns : names of the integer column of the index, and of that of lists of 64 tokens.
    scratch : a file to keep tokens in meanwhile, 128 bytes a row.
    population : number of training sequences; an index is below.
    scores : names of number columns.

    Raises
    ------
    UserError
        If a file is damaged or has other columns, an index, a token or a number is missing or out
        of its range, or an index stands for two different sequences.
    """
    n_rows = sum(_open(path).metadata.num_rows for path in paths)
    index = np.empty(n_rows, np.int64)
    numbers = np.empty((n_rows, len(scores)), np.float32)
    tokens = allocate(scratch, np.uint16, (n_rows, SEQUENCE))
    start = 0
    for path in paths:
        for batch in read_batches(path, [*columns, *scores]):
            rows = slice(start, start + len(batch))
            index[rows] = whole_numbers(batch[columns[0]], columns[0], path, population - 1)
            tokens[rows] = _matrix(batch[columns[1]], columns[1], path)
            for place, name in enumerate(scores):
                numbers[rows, place] = _numbers(batch[name], name, path)
            start += len(batch)
    order = np.argsort(index, kind="stable")
    ascending = index[order]
    repeats = np.flatnonzero(ascending[1:] == ascending[:-1]) + 1
    differ = (tokens[order[repeats]] != tokens[order[repeats - 1]]).any(axis=1)
    if differ.any():
        raise UserError(
            f"{paths[0]}: index {ascending[repeats[differ][0]]} occurs twice, with different "
            f"tokens; {_ANOTHER_COMMIT}"
        )
    order = np.delete(order, repeats)
    return Merged(n_rows, index[order], order, tokens, numbers)


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


def whole_numbers(column: pa.Array, name: str, path: Path, most: int) -> np.ndarray:
    """Return a column of places, tokens or counts, int64.

    Raises
    ------
    UserError
        If one is missing, which would become a number like any other, or not in 0 … most.
    """
    found = column.to_numpy(zero_copy_only=False)  # missing ones as NaN
    if found.dtype.kind not in "iuf" or not (np.isfinite(found) & (found == np.round(found))).all():
        raise UserError(f"{path}: a row without a whole number in '{name}'; {_ANOTHER_COMMIT}")
    outside = found[(found < 0) | (found > most)]
    if len(outside):
        raise UserError(
            f"{path}: {outside[0]} in '{name}'; all must be 0 to {most}; {_ANOTHER_COMMIT}"
        )
    return found.astype(np.int64)


def _numbers(column: pa.Array, name: str, path: Path) -> np.ndarray:
    """Return a column of numbers, float32."""
    numbers = column.to_numpy(zero_copy_only=False).astype(np.float32)
    if np.isnan(numbers).any():
        raise UserError(f"{path}: a row without a number in '{name}'; {_ANOTHER_COMMIT}")
    return numbers


def _matrix(column: pa.Array, name: str, path: Path) -> np.ndarray:
    """Return a column of token lists as a matrix."""
    lengths = compute.unique(compute.list_value_length(column)).to_pylist()
    wrong = [length for length in lengths if length != SEQUENCE]
    if wrong:
        raise UserError(f"{path}: a sequence of {wrong[0]} tokens; all must have {SEQUENCE}")
    return whole_numbers(column.flatten(), name, path, MOST_TOKEN).reshape(-1, SEQUENCE)


def _open(path: Path) -> parquet.ParquetFile:
    try:
        return parquet.ParquetFile(path, buffer_size=1 << 20, pre_buffer=False)
    except (pa.ArrowInvalid, OSError) as error:
        raise _damaged(path, error) from None


def _damaged(path: Path, error: Exception) -> UserError:
    reason = " ".join(str(error).split())
    return UserError(f"{path}: not a whole Parquet file ({reason}); delete it and run again")
