"""Tables of features, written as they come: Parquet, JSON Lines or CSV, or standard output."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import ExitStack, contextmanager, redirect_stdout
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.compute as compute
import pyarrow.csv
import pyarrow.parquet as parquet
import pyarrow.types as types

from memorization.errors import UserError
from memorization.features.own.reading import FORMATS, reason
from memorization.files import replacing

# By these a folder is known to hold the results of a study.
STUDY = ("suite/manifest.json", "sequences.parquet")


@contextmanager
def writing(output: str, *sources: Path) -> Iterator[Callable[[pa.Table], None]]:
    """Yield what appends to a table: a file, by its suffix, or standard output, ``-``, JSON Lines.

    A file is there whole or, if an error ends the block or nothing was written, not at all. The
    first part's columns are those of the table. Raises a UserError as `check_destination`, and if
    it cannot be written.
    """
    with ExitStack() as stack:
        if output == "-":
            if sys.stdout is None:
                raise UserError("-: standard output is closed; name a file to write")
            stream: Any = sys.stdout.buffer
            form = "jsonl"
        else:
            form = FORMATS.get(Path(output).suffix.lower(), "")
            real = check_destination(Path(output), *sources)
            if not form:
                raise UserError(
                    f"{output}: name a file that ends with {', '.join(FORMATS)}; or -, JSON Lines"
                )
        append: list[Callable[[pa.Table], object]] = []
        schema: list[pa.Schema] = []

        def write(table: pa.Table) -> None:
            try:
                if not append:
                    schema.append(schema_of(table))
                    target = stream if output == "-" else stack.enter_context(replacing(real))
                    append.append(_appender(form, target, schema[0], stack))
                append[0](table.cast(schema[0]))
            except BrokenPipeError:
                raise
            except OSError as error:
                raise UserError(f"{output}: cannot be written ({reason(error)})") from None
            except pa.ArrowException as error:
                raise UserError(
                    f"{output}: a column that is carried along changes its type, or is of one that "
                    f"this format lacks ({reason(error)}); leave it out, or write Parquet"
                ) from None

        yield write
        try:
            stack.close()
        except OSError as error:
            raise UserError(f"{output}: cannot be written ({reason(error)})") from None


def check_columns(output: str, table: pa.Table) -> None:
    """Raise a UserError if the format of a table that is to be written lacks a column's type.

    Long before it is written: what is computed until then would be lost.
    """
    if FORMATS.get(Path(output).suffix.lower()) == "csv":
        try:
            pa.csv.write_csv(table.slice(0, 1).cast(schema_of(table)), pa.BufferOutputStream())
        except pa.ArrowException as error:
            raise UserError(
                f"{output}: a column that is carried along is of a type that this format lacks "
                f"({reason(error)}); leave it out, or write Parquet"
            ) from None


def check_carried(carry: Iterable[str], written: Collection[str]) -> None:
    """Raise a UserError if a column that is carried along has the name of one that is written."""
    for name in carry:
        if name in written:
            raise UserError(f"--carry {name}: a column of that name is written anyway")


@contextmanager
def told_apart() -> Iterator[None]:
    """Print to standard error, what is told, as standard output may be the table; or to nothing."""
    with ExitStack() as stack:
        # There is none where it was closed, as by `2>&-`.
        stream = sys.stderr or stack.enter_context(Path(os.devnull).open("w", encoding="utf-8"))
        stack.enter_context(redirect_stdout(stream))
        yield


def schema_of(table: pa.Table) -> pa.Schema:
    """Return a table's columns; one of which nothing is known yet may become a text."""
    fields = [
        field.with_type(pa.string()) if types.is_null(field.type) else field
        for field in table.schema
    ]
    return pa.schema(fields)


def _appender(
    form: str, target: Path | IO[bytes], schema: pa.Schema, stack: ExitStack
) -> Callable[[pa.Table], object]:
    if form == "parquet":
        writer = stack.enter_context(parquet.ParquetWriter(target, schema, compression="zstd"))
        return lambda table: writer.write_table(table)
    if form == "csv":
        lines = stack.enter_context(pa.csv.CSVWriter(target, schema))
        return lambda table: lines.write_table(table)
    stream = stack.enter_context(target.open("wb")) if isinstance(target, Path) else target
    return lambda table: _json_lines(table, stream)


def _json_lines(table: pa.Table, stream: IO[bytes]) -> None:
    columns = []
    for column in table.columns:
        if types.is_floating(column.type):  # JSON has no NaN
            column = compute.if_else(compute.is_finite(column), column, None)
        columns.append(column.to_pylist())
    for row in zip(*columns, strict=True):
        line: dict[str, Any] = dict(zip(table.column_names, row, strict=True))
        stream.write(json.dumps(line, ensure_ascii=False, default=str).encode() + b"\n")
    stream.flush()


def check_destination(destination: Path, *sources: Path) -> Path:
    """Return the file to write, with links followed; nothing is created.

    Raises a UserError if it is one of the files and folders that are read, or in one; if it is
    there and no regular file; if it is among the results of a study, which the pipeline writes; or
    if it cannot be created.
    """
    try:
        real = destination.resolve()
        partial = real.with_name(real.name + ".partial")  # as files.replacing writes first
        if real.is_dir():
            raise UserError(f"{destination}: a folder; name the file to write")
        for above in real.parents:
            if all((above / part).is_file() for part in STUDY) and above != Path.cwd():
                raise UserError(
                    f"{destination}: among the results of a study, which the pipeline writes; name "
                    f"a file outside {above.name}/"
                )
        folder = next(above for above in real.parents if above.exists())
        # Its name is as long as the partial file's.
        tempfile.NamedTemporaryFile(prefix=real.name, dir=folder).close()
        for target in (real, partial):
            if target.exists() and not target.is_file():
                raise UserError(f"{target}: no regular file, not replaced; name another to write")
            for source in sources:
                if target.is_relative_to(source.resolve()):
                    raise UserError(
                        f"{destination}: writing it would change {source}, which is read; name "
                        "another file to write"
                    )
    except (OSError, RuntimeError, ValueError) as error:
        raise UserError(f"{destination}: cannot be written ({reason(error)})") from None
    return real
