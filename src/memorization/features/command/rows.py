"""Sequences in a Parquet file, batch by batch: from a column of tokens or of texts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as compute
import pyarrow.parquet as parquet

from memorization.errors import UserError
from memorization.features.tokenize import Encoder, decoded
from memorization.protocol import SEQUENCE

# Rows that are read at once: texts may be long.
READ = 2048


@dataclass(frozen=True)
class Rows:
    """Consecutive rows of a table.

    Attributes
    ----------
    index : int64 [n], of column ``index``, or the place in the table.
    tokens : int32 [n, 64], the first of each sequence.
    length : int64 [n], tokens that it has, at most 64.
    corpus_row : int64 [n], of column ``corpus_row``, or -1.
    """

    index: np.ndarray
    tokens: np.ndarray
    length: np.ndarray
    corpus_row: np.ndarray

    def __len__(self) -> int:
        """Return n."""
        return len(self.index)


def open_parquet(path: Path) -> parquet.ParquetFile:
    """Return a Parquet file for reading that has a column ``tokens`` or ``text``.

    Raises
    ------
    UserError
        If it is missing, not Parquet, or has neither.
    """
    try:
        file = parquet.ParquetFile(path)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except (pa.ArrowException, OSError) as error:
        raise UserError(f"{path}: not a readable Parquet file ({error})") from None
    names = file.schema_arrow.names
    if not {"tokens", "text"} & set(names):
        raise UserError(
            f"{path}: no column 'tokens' or 'text'; its columns are: {', '.join(names)}"
        )
    return file


def read_rows(path: Path, encoder: Encoder, rows: int) -> Iterator[Rows]:
    """Yield the sequences of a table, ``rows`` of them at a time.

    ``tokens`` goes before ``text`` where there are both. A missing text, or list, has length 0.

    Parameters
    ----------
    path : Parquet file with a column ``tokens`` (lists of integers) or ``text``; and, if it has
        them, ``index`` and ``corpus_row`` (integers).

    Raises
    ------
    UserError
        If a column is of another type, an index is missing, negative or there twice, or a token is
        not the tokenizer's.
    """
    file = open_parquet(path)
    names = file.schema_arrow.names
    source = "tokens" if "tokens" in names else "text"
    columns = [name for name in (source, "index", "corpus_row") if name in names]
    waiting: list[Rows] = []
    start = 0
    seen = np.zeros(0, np.int64)
    for batch in file.iter_batches(batch_size=READ, columns=columns):
        found = _rows_of(batch, path, encoder, start)
        start += len(found)
        waiting.append(found)
        if sum(map(len, waiting)) >= rows:
            joined = _join(waiting)
            seen = _check_index(joined.index, seen, path)
            yield joined
            waiting = []
    if waiting:
        joined = _join(waiting)
        _check_index(joined.index, seen, path)
        yield joined


def iterate_texts(file: parquet.ParquetFile, path: Path) -> Iterator[str]:
    """Yield the texts of a Parquet file, the empty one for a missing one."""
    for batch in file.iter_batches(batch_size=READ, columns=["text"]):
        yield from _texts(batch["text"], path)


def list_lengths(column: pa.Array) -> np.ndarray:
    """Return the length of each list, 0 for a missing one, int64 [n]."""
    return np.asarray(compute.fill_null(compute.list_value_length(column), 0)).astype(np.int64)


def token_values(column: pa.Array, path: Path, size: int) -> np.ndarray:
    """Return the tokens of all lists of a column, one after another, int64.

    Raises
    ------
    UserError
        If they are no integers, or none that the tokenizer knows.
    """
    if not (_is_list(column.type) and pa.types.is_integer(column.type.value_type)):
        raise UserError(f"{path}: column 'tokens' is {column.type}; must be lists of integers")
    values = column.flatten()
    if values.null_count:
        raise UserError(f"{path}: column 'tokens' has lists with missing tokens")
    tokens = values.to_numpy(zero_copy_only=False)
    wrong = (tokens < 0) | (tokens >= size)
    if wrong.any():
        raise UserError(
            f"{path}: token {tokens[wrong][0]}: the tokenizer knows tokens 0 to {size - 1}; pass "
            "the one that these tokens are of (--tokenizer)"
        )
    return tokens.astype(np.int64)


def _rows_of(batch: pa.RecordBatch, path: Path, encoder: Encoder, start: int) -> Rows:
    n = batch.num_rows
    if "tokens" in batch.schema.names:
        tokens, length = _first_of_lists(batch["tokens"], path, encoder.size)
    else:
        tokens, length = encoder.first_tokens(_texts(batch["text"], path))
    index = np.arange(start, start + n)
    corpus_row = np.full(n, -1)
    if "index" in batch.schema.names:
        if batch["index"].null_count:
            raise UserError(f"{path}: column 'index' has missing values")
        index = _integers(batch["index"], "index", path)
    if "corpus_row" in batch.schema.names:
        corpus_row = _integers(compute.fill_null(batch["corpus_row"], -1), "corpus_row", path)
    return Rows(index, tokens, length, corpus_row)


def _first_of_lists(column: pa.Array, path: Path, size: int) -> tuple[np.ndarray, np.ndarray]:
    values = token_values(column, path, size)
    lengths = list_lengths(column)
    begin = np.cumsum(lengths) - lengths
    length = np.minimum(lengths, SEQUENCE)
    place = np.arange(SEQUENCE)
    held = place < length[:, None]
    tokens = np.zeros(held.shape, np.int32)
    tokens[held] = values[(begin[:, None] + place)[held]]
    return tokens, length


def _texts(column: pa.Array, path: Path) -> list[str]:
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    is_text = pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view
    if not any(test(column.type) for test in is_text):
        raise UserError(f"{path}: column 'text' is {column.type}; must be strings")
    # As bytes: what is no valid UTF-8 would end the whole batch otherwise.
    raw = column.cast(pa.large_binary()).to_pylist()
    return ["" if data is None else decoded(data) for data in raw]


def _integers(column: pa.Array, name: str, path: Path) -> np.ndarray:
    if not pa.types.is_integer(column.type):
        raise UserError(f"{path}: column '{name}' is {column.type}; must be integers")
    return column.to_numpy(zero_copy_only=False).astype(np.int64)


def _check_index(index: np.ndarray, seen: np.ndarray, path: Path) -> np.ndarray:
    """Return all indices so far, sorted; raise if one is negative or there twice."""
    if index.min() < 0:
        raise UserError(f"{path}: index {index.min()}; must not be negative")
    every = np.sort(np.concatenate([seen, index]), kind="stable")
    twice = every[1:][every[1:] == every[:-1]]
    if len(twice):
        raise UserError(f"{path}: index {twice[0]} is there twice; each row needs its own")
    return every


def _join(parts: list[Rows]) -> Rows:
    names = ("index", "tokens", "length", "corpus_row")
    return Rows(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def _is_list(kind: pa.DataType) -> bool:
    tests = pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list
    return any(test(kind) for test in tests)
