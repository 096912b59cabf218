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

# Rows that are read at a time: 64 int64 a row as published, so 33 MB.
BATCH = 65_536

_ANOTHER_COMMIT = "pin another commit of the data set in pythia.revisions"


@dataclass(frozen=True)
class Sequences:
    """Sequences of several files, in order of their index.

    Attributes
    ----------
    n_rows : rows of the files.
    index : int64 [n], ascending, distinct.
    tokens : uint16 [n, 64].
    scores : float32 [n, k].
    """

    n_rows: int
    index: np.ndarray
    tokens: np.ndarray
    scores: np.ndarray

    def below(self, index: int) -> Sequences:
        """Return the sequences of a smaller index."""
        rows = slice(int(np.searchsorted(self.index, index)))
        return replace(
            self, index=self.index[rows], tokens=self.tokens[rows], scores=self.scores[rows]
        )

    def write(self, path: Path) -> None:
        """Write ``index`` int64 and ``tokens`` uint16[64] as Parquet, whole or not at all."""
        tokens = pa.FixedSizeListArray.from_arrays(pa.array(self.tokens.ravel()), SEQUENCE)
        with replacing(path) as partial:
            table = pa.table({"index": self.index, "tokens": tokens})
            parquet.write_table(table, partial, compression="zstd")


def read_sequences(
    paths: Sequence[Path],
    columns: tuple[str, str],
    population: int,
    scores: Sequence[str] = (),
) -> Sequences:
    """Return the sequences of some Parquet files, each index once.

    Published tables hold a few indices twice: the evaluation's last batch of a rank runs on into
    the next rank's sequences (EleutherAI/pythia, predictable-memorization/eval_memorization.py).

    Parameters
    ----------
    columns : names of the integer column of the index, and of that of lists of 64 tokens.
    population : number of training sequences; an index is below.
    scores : names of columns of shares, 0 to 1.

    Raises
    ------
    UserError
        If a file is damaged or has other columns, an index, a token or a number is missing or out
        of its range, or an index stands for two different sequences.
    """
    n_rows = sum(_open(path).metadata.num_rows for path in paths)
    index = np.empty(n_rows, np.int64)
    tokens = np.empty((n_rows, SEQUENCE), np.uint16)
    numbers = np.empty((n_rows, len(scores)), np.float32)
    start = 0
    for path in paths:
        for batch in read_batches(path, [*columns, *scores]):
            rows = slice(start, start + len(batch))
            index[rows] = whole_numbers(batch[columns[0]], columns[0], path, population - 1)
            tokens[rows] = _matrix(batch[columns[1]], columns[1], path)
            for place, name in enumerate(scores):
                numbers[rows, place] = _shares(batch[name], name, path)
            start += len(batch)
    order = np.argsort(index, kind="stable")
    index, tokens = index[order], tokens[order]
    repeats = np.flatnonzero(index[1:] == index[:-1]) + 1
    differ = (tokens[repeats] != tokens[repeats - 1]).any(axis=1)
    if differ.any():
        raise UserError(
            f"{paths[0]}: index {index[repeats[differ][0]]} occurs twice, with different tokens; "
            f"{_ANOTHER_COMMIT}"
        )
    is_first = np.append(True, index[1:] != index[:-1])[: len(index)]
    return Sequences(n_rows, index[is_first], tokens[is_first], numbers[order][is_first])


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
        If it is not of integers, one is missing, which would become a number like any other, or not
        in 0 … most.
    """
    if not pa.types.is_integer(column.type) or column.null_count:
        raise UserError(f"{path}: a row without a whole number in '{name}'; {_ANOTHER_COMMIT}")
    return _in_range(column.to_numpy(), name, path, most).astype(np.int64)


def _shares(column: pa.Array, name: str, path: Path) -> np.ndarray:
    """Return a column of shares, float32: 1 is all, and a percentage would never be."""
    if not pa.types.is_floating(column.type) or column.null_count:
        raise UserError(f"{path}: a row without a number in '{name}'; {_ANOTHER_COMMIT}")
    return _in_range(column.to_numpy(), name, path, 1).astype(np.float32)


def _in_range(found: np.ndarray, name: str, path: Path, most: int) -> np.ndarray:
    outside = found[~((found >= 0) & (found <= most))]
    if len(outside):
        raise UserError(
            f"{path}: {outside[0]} in '{name}'; all must be 0 to {most}; {_ANOTHER_COMMIT}"
        )
    return found


def _matrix(column: pa.Array, name: str, path: Path) -> np.ndarray:
    """Return a column of token lists as a matrix."""
    lengths = compute.unique(compute.list_value_length(column)).to_pylist()
    wrong = [length for length in lengths if length != SEQUENCE]
    if wrong:
        raise UserError(f"{path}: a sequence of {wrong[0]} tokens; all must have {SEQUENCE}")
    tokens = whole_numbers(column.flatten(), name, path, np.iinfo(np.uint16).max)
    return tokens.reshape(-1, SEQUENCE)


def _open(path: Path) -> parquet.ParquetFile:
    try:
        return parquet.ParquetFile(path, buffer_size=1 << 20, pre_buffer=False)
    except (pa.ArrowInvalid, OSError) as error:
        raise _damaged(path, error) from None


def _damaged(path: Path, error: Exception) -> UserError:
    reason = " ".join(str(error).split())
    # What was downloaded is what the hub has: to fetch it again would not help.
    return UserError(f"{path}: not a whole Parquet file ({reason}); {_ANOTHER_COMMIT}")
