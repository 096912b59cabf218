"""Texts of anybody's: a table, JSON Lines, a folder of files or standard input, batch by batch."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as compute
import pyarrow.csv
import pyarrow.parquet as parquet
import pyarrow.types as types

from memorization.errors import UserError
from memorization.features.vocabulary import decoded, well_formed

# Rows that are read at once: texts may be long.
READ = 512
# Bytes of a CSV file that are parsed at once; no row may be longer.
BLOCK = 2**25
# A text may have several lines, and a block of a CSV file must not end within one.
CSV = pa.csv.ParseOptions(newlines_in_values=True)
FORMATS = {".parquet": "parquet", ".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv"}
COMPRESSED = (".gz", ".bz2", ".zst", ".lz4")
# Skipped files, and columns of a file, that are named; the others are counted.
NAMED, COLUMNS = 10, 20
# Columns that are read wherever they are.
UNASKED = ("index", "corpus_row")
# What a column must hold.
KINDS = {"tokens": "lists of integers", "text": "strings"} | dict.fromkeys(UNASKED, "integers")


@contextmanager
def readable(name: object, kind: str) -> Iterator[None]:
    """Turn whatever a library raises on a file that it cannot read into a UserError.

    Only calls of that library belong inside: on damaged files they raise nearly anything.

    >>> with readable(Path("x.npy"), "NumPy file"):
    ...     raise EOFError("no data left")
    Traceback (most recent call last):
    memorization.errors.UserError: x.npy: not a NumPy file (no data left)
    """
    try:
        yield
    except (UserError, GeneratorExit):
        raise
    except Exception as error:
        raise UserError(f"{name}: not a {kind} ({reason(error)})") from None


def reason(error: Exception) -> str:
    """Return what an error says, in one line."""
    said = getattr(error, "strerror", None) or str(error)
    return " ".join(said.split()) or type(error).__name__


def form_of(path: Path) -> str | None:
    """Return the format that a file's name tells; None: none that is known.

    >>> form_of(Path("a.b.jsonl.gz")), form_of(Path("a.CSV")), form_of(Path("a.gz"))
    ('jsonl', 'csv', None)
    """
    suffixes = [suffix.lower() for suffix in path.suffixes if suffix.lower() not in COMPRESSED]
    return FORMATS.get(suffixes[-1]) if suffixes else None


def check_text(name: object, start: bytes) -> None:
    """Raise a UserError if a file's first bytes show that it is no text in UTF-8."""
    if b"\0" in start:
        raise UserError(
            f"{name}: has NUL bytes, so it is not text in UTF-8 (perhaps UTF-16); save it in UTF-8"
        )


def renamed(names: Iterable[str]) -> str:
    """Return, to end a message, which column may be the index under another name; or nothing.

    >>> renamed(["Index", "score"])
    "; if 'Index' is the index, rename it to index"
    """
    found = [name for name in names if name != "index" and is_index(name)]
    return f"; if '{found[0]}' is the index, rename it to index" if found else ""


def is_index(name: str) -> bool:
    """Return whether a column is the index by its name, or by that which pandas gives it."""
    return name.lower() == "index" or name == "__index_level_0__"


@dataclass(frozen=True)
class Batch:
    """Some rows of a source.

    Attributes
    ----------
    texts : one a row, None where it is missing; or None: there are tokens.
    tokens : int64, of all rows, one after another; empty where there are texts.
    lengths : int64 [rows], how many tokens each row has; a missing list has 0.
    more : the other columns that were asked for.
    """

    texts: list[str | None] | None
    tokens: np.ndarray
    lengths: np.ndarray
    more: pa.Table

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.texts if self.texts is not None else self.lengths)


@dataclass(frozen=True)
class Source:
    """Texts, or token lists, that can be gone through once.

    Attributes
    ----------
    name : of the file, for messages.
    column : 'tokens' or 'text', what is read.
    names : the other columns that are read: those asked for, and ``index`` and ``corpus_row``.
    total : the rows, if they are known, roughly in a file of lines; else None.
    rows : gives the column that is read and the others, as tables with where each row is:
        ('row', 7).
    """

    name: str
    column: str
    names: tuple[str, ...]
    total: int | None
    rows: Callable[[], Iterator[tuple[Any, pa.Table, Sequence[object]]]]

    def __iter__(self) -> Iterator[Batch]:
        """Yield the rows; raise a UserError where one is not what it must be."""
        for column, more, places in self.rows():
            if self.column == "text":
                texts = column if isinstance(column, list) else texts_of(column)
                wrong = [p for p, t in zip(places, texts, strict=True) if not _is_text(t)]
                if wrong:
                    raise UserError(f"{self.name}: {wrong[0]}: 'text' is not a string")
                yield Batch(texts, np.zeros(0, np.int64), np.zeros(len(texts), np.int64), more)
            else:
                yield Batch(None, *self._tokens(column, places), more)

    def _tokens(self, column: Any, places: Sequence[object]) -> tuple[np.ndarray, np.ndarray]:
        if isinstance(column, list):
            wrong = [p for p, own in zip(places, column, strict=True) if not _is_tokens(own)]
            if wrong:
                raise UserError(f"{self.name}: {wrong[0]}: 'tokens' is not a list of integers")
            column = pa.array(column, pa.list_(pa.int64()))
        if types.is_dictionary(column.type):
            column = column.dictionary_decode()
        lengths = np.asarray(compute.fill_null(compute.list_value_length(column), 0))
        values = column.flatten()
        if values.null_count:
            row = np.searchsorted(
                np.cumsum(lengths), np.asarray(values.is_null()).argmax(), "right"
            )
            raise UserError(
                f"{self.name}: {places[int(row)]}: a token is missing in 'tokens'; leave it out"
            )
        try:
            tokens = values.cast(pa.int64())
        except pa.ArrowInvalid as error:
            raise UserError(f"{self.name}: column 'tokens': {reason(error)}") from None
        return np.asarray(tokens), lengths.astype(np.int64)

    def carried(self, carry: Collection[str]) -> list[str]:
        """Return the columns to write, too: without those that are read though nobody asked."""
        return [name for name in self.names if name in carry or name not in UNASKED]

    def integers(self, batch: Batch, name: str, missing: int | None = None) -> np.ndarray:
        """Return a column, int64 [n]; ``missing`` where it has no value, None: it must have one."""
        column = batch.more[name]
        if kind_of(column.type) != "integers":
            raise UserError(f"{self.name}: column '{name}' is {column.type}; must be integers")
        if column.null_count and missing is None:
            raise UserError(f"{self.name}: column '{name}' has missing values; give each row one")
        try:
            whole = column.cast(pa.int64())
        except pa.ArrowInvalid as error:
            raise UserError(f"{self.name}: column '{name}': {reason(error)}") from None
        return np.asarray(whole if missing is None else compute.fill_null(whole, missing))


def open_source(
    path: str,
    carry: Collection[str] = (),
    form: str | None = None,
    tell: Callable[[str], object] = print,
) -> Source:
    """Return the texts of a file, a folder or standard input, ``-``.

    Parameters
    ----------
    path : a file, by its suffix Parquet, JSON Lines or CSV; a folder, each file of which is a text,
        but for hidden ones; or '-', JSON Lines where its first byte is '{', else a text a line.
    carry : columns that must be there besides; ``index`` and ``corpus_row`` are read if there.
    form : 'parquet', 'jsonl', 'csv' or 'lines' (a text a line), whatever the name.
    tell : called with a line about each file of a folder that is skipped.

    Raises
    ------
    UserError
        If there is no such thing, it is of another format, or a column is not there, there twice
        or of another type.
    """
    own = Path(path)
    if path == "-":
        if sys.stdin is None:
            raise UserError("-: standard input is closed; pass a file or a folder")
        stream: Any = sys.stdin.buffer
        if form not in (None, "jsonl", "lines"):
            raise UserError(f"-: standard input is JSON Lines or lines; write it to a .{form} file")
        start = stream.peek(1).removeprefix(b"\xef\xbb\xbf").lstrip()
        form = form or ("jsonl" if start[:1] == b"{" else "lines")
        return _of_lines("-", stream, form, carry, None)
    if own.is_dir():
        return _of_folder(own, carry, tell)
    form = form or form_of(own)
    if not own.is_file():
        raise UserError(f"{path}: no such file or folder; pass one, or - for standard input")
    if form is None:
        raise UserError(
            f"{path}: of no known format; --format parquet, jsonl, csv or lines (a text a line)"
        )
    if form == "parquet":
        return _of_parquet(own, carry)
    with readable(path, "readable file"):
        stream = io.BufferedReader(pa.input_stream(str(own)), 2**20)
        n, last = 0, b"\n"
        for last in iter(lambda: stream.read(2**20), b""):
            n += last.count(b"\n")
        n += not last.endswith(b"\n")
        stream = io.BufferedReader(pa.input_stream(str(own)), 2**20)
        start = stream.peek(4096)[:4096]
    check_text(path, start)
    return (_of_csv if form == "csv" else _of_lines)(path, stream, form, carry, n)


def _columns(
    name: str, names: Sequence[str], carry: Collection[str]
) -> tuple[str, tuple[str, ...]]:
    """Return what is read of some columns: tokens or text, and those that are asked for besides."""
    for wanted in carry:
        if wanted not in names:
            raise UserError(f"{name}: no column '{wanted}'; {_instead(wanted, names)}")
    column = next((own for own in ("tokens", "text") if own in names), None)
    if column is None:
        raise UserError(
            f"{name}: no column 'tokens' or 'text'; {_instead('text', names)}; rename the one that "
            "holds the texts"
        )
    if "index" not in names and (hint := renamed(names)):
        raise UserError(f"{name}: no column 'index'{hint}, or else leave it out")
    more = tuple(dict.fromkeys(own for own in (*UNASKED, *carry) if own in names))
    check_once(name, (column, *more), names)
    return column, more


def check_once(name: object, wanted: Iterable[str], names: Iterable[str]) -> None:
    """Raise a UserError if a column that is wanted is there twice."""
    number = Counter(names)
    for own in wanted:
        if number[own] > 1:
            raise UserError(f"{name}: two columns '{own}'; must be one")


def _instead(wanted: str, names: Sequence[str]) -> str:
    lower = {own.lower(): own for own in names}
    near = get_close_matches(wanted, lower, n=1)
    said = f"; nearest: '{lower[near[0]]}'" if near else ""
    more = f" and {len(names) - COLUMNS:,} more" if len(names) > COLUMNS else ""
    return f"its columns are: {', '.join(names[:COLUMNS])}{more}{said}"


def kind_of(own: pa.DataType) -> str:
    """Return what a column of a type holds, in words."""
    if types.is_dictionary(own):
        return kind_of(own.value_type)
    if isinstance(
        own,
        pa.ListType
        | pa.LargeListType
        | pa.FixedSizeListType
        | pa.ListViewType
        | pa.LargeListViewType,
    ):
        return f"lists of {kind_of(own.value_type)}"
    if types.is_string(own) or types.is_large_string(own) or types.is_string_view(own):
        return "strings"
    # A column in which all values are missing may have no type of its own.
    return "integers" if types.is_integer(own) or types.is_null(own) else str(own)


def _is_text(value: object) -> bool:
    return value is None or isinstance(value, str)


def _is_tokens(value: object) -> bool:
    def is_whole(own: object) -> bool:
        is_number = isinstance(own, int) and not isinstance(own, bool)
        return own is None or (is_number and abs(int(own)) < 2**63)  # type: ignore[call-overload]

    return value is None or (isinstance(value, list) and all(map(is_whole, value)))


def texts_of(column: pa.Array | pa.ChunkedArray) -> list[str | None]:
    """Return the texts of a column of strings, whatever they are kept as; None: missing.

    What is no valid UTF-8 becomes the sign for that.
    """
    if types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if types.is_string_view(column.type):
        column = column.cast(pa.binary_view())
    # As bytes: what is no valid UTF-8 would end the whole batch otherwise.
    raw = column.cast(pa.large_binary()).to_pylist()
    return [None if data is None else decoded(data) for data in raw]


def _of_parquet(path: Path, carry: Collection[str]) -> Source:
    with readable(path, "readable Parquet file"):
        file = parquet.ParquetFile(path)
        schema = file.schema_arrow
    column, names = _columns(str(path), schema.names, carry)
    for name in {column, *names} & set(KINDS):
        if kind_of(schema.field(name).type) != KINDS[name]:
            raise UserError(
                f"{path}: column '{name}' is {schema.field(name).type}; must be {KINDS[name]}"
            )

    def rows() -> Iterator[tuple[Any, pa.Table, Sequence[object]]]:
        done = 0
        with readable(path, "readable Parquet file"):
            for batch in file.iter_batches(READ, columns=list({column, *names})):
                places = [f"row {done + row}" for row in range(len(batch))]
                yield batch[column], _without_views(pa.table(batch.select(names))), places
                done += len(batch)

    return Source(str(path), column, names, file.metadata.num_rows, rows)


def _without_views(table: pa.Table) -> pa.Table:
    """Return a table whose strings can be taken by their rows, which views of strings cannot."""
    fields = [
        field.with_type(pa.string()) if types.is_string_view(field.type) else field
        for field in table.schema
    ]
    return table.cast(pa.schema(fields))


def _of_csv(name: str, stream: Any, form: str, carry: Collection[str], n: int) -> Source:
    # With the names known, only what is asked for is parsed to a type.
    with readable(name, "CSV file in UTF-8"):
        line = stream.peek(2**20).decode("utf-8-sig", "replace").splitlines(keepends=True)
        header = next(csv.reader(line), [])
    if not header:
        raise UserError(f"{name}: no texts in it")
    column, names = _columns(name, header, carry)
    if column == "tokens":
        raise UserError(f"{name}: CSV has no lists of tokens; pass JSON Lines or Parquet, or texts")
    whole = dict.fromkeys(set(UNASKED) & set(names), pa.int64())

    def rows() -> Iterator[tuple[Any, pa.Table, Sequence[object]]]:
        done = 0
        with readable(name, "readable CSV file"):
            reader = pa.csv.open_csv(
                stream,
                pa.csv.ReadOptions(use_threads=False, block_size=BLOCK),
                CSV,
                pa.csv.ConvertOptions(
                    column_types={"text": pa.large_string()} | whole,
                    include_columns=list({column, *names}),
                ),
            )
            for block in reader:
                for start in range(0, len(block), READ):
                    batch = block.slice(start, READ)
                    places = [f"row {done + row}" for row in range(len(batch))]
                    yield batch[column], pa.table(batch.select(names)), places
                    done += len(batch)

    return Source(name, column, names, n, rows)


def _of_lines(
    name: str, stream: Iterable[bytes], form: str, carry: Collection[str], n: int | None
) -> Source:
    """Return the texts of lines, or of the JSON objects that they are."""
    lines = ((f"line {i}", line) for i, line in enumerate(stream, 1))

    def parsed(place: str, line: bytes) -> dict[str, Any]:
        try:
            text = line.decode("utf-8-sig").rstrip("\r\n")
        except UnicodeDecodeError:
            raise UserError(f"{name}: {place}: not text in UTF-8; save it in UTF-8") from None
        if form == "lines":
            return {"text": text}
        try:
            found = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise UserError(f"{name}: {place}: not JSON ({reason(error)})") from None
        if not isinstance(found, dict):
            raise UserError(f"{name}: {place}: not a JSON object; each line must be one: {{…}}")
        return found

    objects = (
        (place, parsed(place, line)) for place, line in lines if form == "lines" or line.strip()
    )
    first = list(islice(objects, 1))
    if not first:
        raise UserError(f"{name}: no texts in it")
    column, names = _columns(name, list(first[0][1]), carry)
    lacking = [own for own in UNASKED if own not in names]

    def rows() -> Iterator[tuple[Any, pa.Table, Sequence[object]]]:
        left: Iterable[tuple[str, dict[str, Any]]] = objects
        while part := [*first, *islice(left, READ - len(first))]:
            first.clear()
            for place, own in part:
                if column not in own:
                    raise UserError(
                        f"{name}: {place}: no '{column}'; {_instead(column, list(own))}"
                    )
                # What the first line lacks is not read, and these two would not be missed.
                if late := [one for one in lacking if one in own]:
                    raise UserError(
                        f"{name}: {place}: has '{late[0]}', which the first line lacks; give it to "
                        "every line, or to none"
                    )
            columns = {}
            for wanted in names:
                try:
                    columns[wanted] = pa.array([own.get(wanted) for _, own in part])
                except (pa.ArrowException, OverflowError, UnicodeError) as error:
                    raise UserError(
                        f"{name}: {part[0][0]} to {part[-1][0].split()[1]}: '{wanted}' is not of "
                        f"one type ({reason(error)})"
                    ) from None
            more = pa.table(columns)
            yield [own[column] for _, own in part], more, [place for place, _ in part]

    return Source(name, column, names, n, rows)


def files_below(folder: Path) -> list[Path]:
    """Return the files of a folder, in order of their names, without hidden ones."""
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    hidden = [any(part.startswith(".") for part in own.relative_to(folder).parts) for own in files]
    return [file for file, is_hidden in zip(files, hidden, strict=True) if not is_hidden]


def _of_folder(folder: Path, carry: Collection[str], tell: Callable[[str], object]) -> Source:
    files = files_below(folder)
    if carry and set(carry) != {"file"}:
        raise UserError(f"{folder}: a folder of texts has no columns but 'file' to carry along")

    def rows() -> Iterator[tuple[Any, pa.Table, Sequence[object]]]:
        skipped = 0
        # Few at a time: a file may be large.
        for start in range(0, len(files), READ // 8):
            names, texts = [], []
            for file in files[start : start + READ // 8]:
                text = text_or_reason(file)
                if text[0]:
                    # A name may be bytes that are no UTF-8.
                    names.append(well_formed(file.relative_to(folder).as_posix()))
                    texts.append(text[0])
                    continue
                skipped += 1
                if skipped <= NAMED:
                    tell(f"{well_formed(str(file))}: skipped, {text[1]}")
            yield texts, pa.table({"file": pa.array(names, pa.string())}), names
        if skipped > NAMED:
            tell(f"{well_formed(str(folder))}: {skipped - NAMED:,} more files skipped")

    return Source(str(folder), "text", ("file",), len(files), rows)


def text_or_reason(file: Path) -> tuple[str, str]:
    """Return the text of a file in UTF-8, or the empty text and why it has none."""
    try:
        data = file.read_bytes()
        text = data.decode("utf-8-sig", "surrogatepass")
    except OSError as error:
        return "", f"unreadable ({reason(error)})"
    except UnicodeDecodeError:
        return "", "not text in UTF-8"
    if "\0" in text:
        return "", "binary (it has NUL bytes)"
    return text, "" if text else "empty"
