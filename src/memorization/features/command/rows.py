"""Sequences in a Parquet file, batch by batch: from a column of tokens or of texts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as compute
import pyarrow.parquet as parquet

from memorization.errors import UserError
from memorization.features.command.files import readable
from memorization.features.tokenize import Encoder, decoded
from memorization.features.use import check_index
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

    def __getitem__(self, part: slice) -> Rows:
        """Return some of the rows."""
        return Rows(*(getattr(self, field.name)[part] for field in fields(self)))


@dataclass(frozen=True)
class Table:
    """A Parquet file of sequences or documents.

    Attributes
    ----------
    path : where it is.
    file : to read from.
    columns : those of its columns that are read: ``tokens``, or else ``text``, comes first.
    """

    path: Path
    file: parquet.ParquetFile
    columns: list[str]

    @classmethod
    def open(cls, path: Path, more: tuple[str, ...] = ("index", "corpus_row")) -> Table:
        """Return a file that has a column ``tokens`` or ``text``; ``tokens`` goes before ``text``.

        Parameters
        ----------
        more : columns that are read too if it has them.

        Raises
        ------
        UserError
            If it is missing, not Parquet, has neither, or a column twice or of another type.
        """
        if not path.is_file():
            raise UserError(f"{path}: no such file; pass a Parquet file")
        with readable(path, "readable Parquet file"):
            file = parquet.ParquetFile(path)
            schema = file.schema_arrow
        names = schema.names
        if not {"tokens", "text"} & set(names):
            raise UserError(
                f"{path}: no column 'tokens' or 'text'; its columns are: {', '.join(names)}"
            )
        columns = [name for name in more if name in names]
        columns.insert(0, "tokens" if "tokens" in names else "text")
        for name in columns:
            if names.count(name) > 1:
                raise UserError(f"{path}: two columns '{name}'; must be one")
            fits, kind = _TYPES[name]
            if not fits(schema.field(name).type):
                raise UserError(
                    f"{path}: column '{name}' is {schema.field(name).type}; must be {kind}"
                )
        return cls(path, file, columns)

    def __len__(self) -> int:
        """Return the number of rows."""
        return int(self.file.metadata.num_rows)

    def batches(
        self, size: int = READ, columns: list[str] | None = None
    ) -> Iterator[pa.RecordBatch]:
        """Yield the columns (None: all that are read), up to ``size`` rows at a time."""
        with readable(self.path, "readable Parquet file"):
            yield from self.file.iter_batches(batch_size=size, columns=columns or self.columns)

    def texts(self, batch: pa.RecordBatch) -> list[str]:
        """Return the texts of a batch, the empty one for a missing one."""
        column = batch["text"]
        if pa.types.is_dictionary(column.type):
            column = column.dictionary_decode()
        # As bytes: what is no valid UTF-8 would end the whole batch otherwise.
        raw = column.cast(pa.large_binary()).to_pylist()
        return ["" if data is None else decoded(data) for data in raw]

    def tokens(self, batch: pa.RecordBatch, size: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the tokens of all lists of a batch, one after another, and the lists' lengths.

        Both int64; a missing list has length 0.

        Raises
        ------
        UserError
            If one is missing in a list, or is not below ``size``.
        """
        column = batch["tokens"]
        lengths = compute.fill_null(compute.list_value_length(column), 0)
        values = column.flatten()
        if values.null_count:
            raise UserError(f"{self.path}: column 'tokens' has lists with missing tokens")
        tokens = values.to_numpy(zero_copy_only=False)
        wrong = (tokens < 0) | (tokens >= size)
        if wrong.any():
            raise UserError(unknown_token(self.path, tokens[wrong][0], size))
        return tokens.astype(np.int64), np.asarray(lengths).astype(np.int64)

    def integers(self, batch: pa.RecordBatch, name: str, missing: int | None) -> np.ndarray:
        """Return a column, int64 [n]; ``missing`` where it has no value, None: it must have one.

        Raises
        ------
        UserError
            If a value is missing, or too large.
        """
        column = batch[name]
        if column.null_count and missing is None:
            raise UserError(f"{self.path}: column '{name}' has missing values; give each row one")
        if pa.types.is_uint64(column.type) and (compute.max(column).as_py() or 0) >= 2**63:
            raise UserError(
                f"{self.path}: {name} {compute.max(column)}; must be at most {2**63 - 1}"
            )
        filled = compute.fill_null(column.cast(pa.int64()), -1 if missing is None else missing)
        return filled.to_numpy(zero_copy_only=False)

    def check_index(self) -> None:
        """Raise a UserError unless the indices are there, distinct and not negative.

        While they ascend one is kept; else all of them, 8 bytes each.
        """
        if "index" not in self.columns:
            return
        last = -1
        for index in self._indices():
            ordered = np.append(last, index)
            if (ordered[1:] <= ordered[:-1]).any():
                break
            last = ordered[-1]
        else:
            return
        check_index(np.concatenate(list(self._indices())), f"{self.path}: ")

    def _indices(self) -> Iterator[np.ndarray]:
        for batch in self.batches(16 * READ, ["index"]):
            yield self.integers(batch, "index", None)


def unknown_token(path: Path, token: int, size: int) -> str:
    """Return the message about a token that the tokenizer, of so many tokens, does not know."""
    return (
        f"{path}: token {token}: the tokenizer knows tokens 0 to {size - 1}; pass the one that "
        "these tokens are of (--tokenizer)"
    )


def read_rows(table: Table, encoder: Encoder, rows: int) -> Iterator[Rows]:
    """Yield the sequences of a table, ``rows`` of them at a time.

    A missing text, or list, has length 0.

    Raises
    ------
    UserError
        If a token is not the tokenizer's, an index is missing, or the file is damaged.
    """
    waiting: list[Rows] = []
    start = 0
    for batch in table.batches(min(READ, rows)):
        found = _rows_of(batch, table, encoder, start)
        start += len(found)
        waiting.append(found)
        if sum(map(len, waiting)) >= rows:
            joined = _join(waiting)
            yield joined[:rows]
            waiting = [joined[rows:]] if len(joined) > rows else []
    if waiting:
        yield _join(waiting)


def _rows_of(batch: pa.RecordBatch, table: Table, encoder: Encoder, start: int) -> Rows:
    n = batch.num_rows
    if "tokens" in table.columns:
        tokens, length = _first_of_lists(*table.tokens(batch, encoder.size))
    else:
        tokens, length = encoder.first_tokens(table.texts(batch))
    index = np.arange(start, start + n)
    corpus_row = np.full(n, -1)
    if "index" in table.columns:
        index = table.integers(batch, "index", None)
    if "corpus_row" in table.columns:
        corpus_row = table.integers(batch, "corpus_row", -1)
    return Rows(index, tokens, length, corpus_row)


def _first_of_lists(values: np.ndarray, lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    begin = np.cumsum(lengths) - lengths
    length = np.minimum(lengths, SEQUENCE)
    place = np.arange(SEQUENCE)
    held = place < length[:, None]
    tokens = np.zeros(held.shape, np.int32)
    tokens[held] = values[(begin[:, None] + place)[held]]
    return tokens, length


def _join(parts: list[Rows]) -> Rows:
    names = [field.name for field in fields(Rows)]
    return Rows(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def _is_token_list(kind: pa.DataType) -> bool:
    tests = pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list
    return any(test(kind) for test in tests) and pa.types.is_integer(kind.value_type)


def _is_text(kind: pa.DataType) -> bool:
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    tests = pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view
    return any(test(kind) for test in tests)


def _is_whole(kind: pa.DataType) -> bool:
    # A column in which all values are missing may have no type of its own.
    return pa.types.is_integer(kind) or pa.types.is_null(kind)


_TYPES: dict[str, tuple[Callable[[pa.DataType], bool], str]] = {
    "tokens": (_is_token_list, "lists of integers"),
    "text": (_is_text, "strings"),
    "index": (_is_whole, "integers"),
    "corpus_row": (_is_whole, "integers"),
}
