"""Tables and corpora of one's own, as files: sequences batch by batch, documents as rows."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as compute
import pyarrow.parquet as parquet
import pyarrow.types as types

from memorization.errors import UserError
from memorization.features.text import Encoder, decoded
from memorization.features.use import ROW
from memorization.protocol import END_OF_TEXT, SEQUENCE

# Rows that are read at once: texts may be long.
READ = 2048
# Tokens in a row where documents are packed; no run of tokens is counted across rows.
WINDOW = 2048


@contextmanager
def readable(path: Path, kind: str) -> Iterator[None]:
    """Turn whatever a library raises on a file that it cannot read into a UserError.

    Only calls of that library belong inside: on damaged files they raise nearly anything.

    >>> with readable(Path("x.npy"), "NumPy file"):
    ...     raise EOFError("no data left")
    Traceback (most recent call last):
    memorization.errors.UserError: x.npy: not a NumPy file (no data left)
    """
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        raise UserError(f"{path}: not a {kind} ({reason(error)})") from None


def reason(error: Exception) -> str:
    """Return what an error says, in one line."""
    said = getattr(error, "strerror", None) or str(error)
    return " ".join(said.split()) or type(error).__name__


# What a column must hold.
KINDS = {"tokens": "lists of integers", "text": "strings"} | dict.fromkeys(
    ("index", "corpus_row"), "integers"
)


def _kind(own: pa.DataType) -> str:
    """Return what a column of a type holds, in words."""
    if types.is_dictionary(own):
        return _kind(own.value_type)
    if types.is_list(own) or types.is_large_list(own) or types.is_fixed_size_list(own):
        return f"lists of {_kind(own.value_type)}"
    if types.is_string(own) or types.is_large_string(own) or types.is_string_view(own):
        return "strings"
    # A column in which all values are missing may have no type of its own.
    return "integers" if types.is_integer(own) or types.is_null(own) else str(own)


class Table:
    """A Parquet file of sequences or documents: its columns that are read, ``columns``.

    They are ``tokens``, or else ``text``, and those of ``more`` that it has. Raises a UserError if
    the file is missing, not Parquet, has neither, or a column twice or of another type.
    """

    def __init__(self, path: Path, more: tuple[str, ...] = ("index", "corpus_row")) -> None:
        """Open the file and check its columns."""
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
        self.path, self._file = path, file
        self.columns = ["tokens" if "tokens" in names else "text"]
        self.columns += [name for name in more if name in names]
        for name in self.columns:
            if names.count(name) > 1:
                raise UserError(f"{path}: two columns '{name}'; must be one")
            own = schema.field(name).type
            if _kind(own) != KINDS[name]:
                raise UserError(f"{path}: column '{name}' is {own}; must be {KINDS[name]}")

    def __len__(self) -> int:
        """Return the number of rows."""
        return int(self._file.metadata.num_rows)

    def batches(self, size: int = READ) -> Iterator[pa.RecordBatch]:
        """Yield the columns that are read, up to ``size`` rows at a time."""
        with readable(self.path, "readable Parquet file"):
            yield from self._file.iter_batches(batch_size=size, columns=self.columns)

    def texts(self, batch: pa.RecordBatch) -> list[str]:
        """Return the texts of a batch, the empty one for a missing one."""
        column = batch["text"]
        if types.is_dictionary(column.type):
            column = column.dictionary_decode()
        # As bytes: what is no valid UTF-8 would end the whole batch otherwise.
        raw = column.cast(pa.large_binary()).to_pylist()
        return ["" if data is None else decoded(data) for data in raw]

    def tokens(self, batch: pa.RecordBatch, size: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the tokens of all lists of a batch, one after another, and the lists' lengths.

        Both int64; a missing list has length 0. A token must not be missing, and be below ``size``.
        """
        column = batch["tokens"]
        lengths = compute.fill_null(compute.list_value_length(column), 0)
        values = column.flatten()
        if values.null_count:
            raise UserError(f"{self.path}: column 'tokens' has lists with missing tokens")
        tokens = values.to_numpy(zero_copy_only=False)
        _check_tokens(self.path, tokens, size)
        return tokens.astype(np.int64), np.asarray(lengths).astype(np.int64)

    def integers(self, column: pa.Array, name: str, missing: int | None = None) -> np.ndarray:
        """Return a column, int64 [n]; ``missing`` where it has no value, None: it must have one."""
        if column.null_count and missing is None:
            raise UserError(f"{self.path}: column '{name}' has missing values; give each row one")
        try:
            whole = column.cast(pa.int64())
        except pa.ArrowInvalid as error:
            raise UserError(f"{self.path}: column '{name}': {reason(error)}") from None
        filled = whole if missing is None else compute.fill_null(whole, missing)
        return np.asarray(filled)

    def index(self) -> np.ndarray:
        """Return the indices of all rows, int64: column ``index``, or their places."""
        if "index" not in self.columns:
            return np.arange(len(self))
        with readable(self.path, "readable Parquet file"):
            column = self._file.read(["index"])["index"]
        return self.integers(column, "index")


def _check_tokens(path: Path, tokens: np.ndarray, size: int) -> None:
    """Raise a UserError unless a tokenizer of ``size`` tokens knows all of these."""
    if tokens.size and not (tokens.min() >= 0 and tokens.max() < size):
        wrong = tokens.min() if tokens.min() < 0 else tokens.max()
        raise UserError(
            f"{path}: token {wrong}: the tokenizer knows tokens 0 to {size - 1}; pass the one that "
            "these tokens are of (--tokenizer)"
        )


def read_rows(table: Table, encoder: Encoder, rows: int) -> Iterator[np.ndarray]:
    """Yield the sequences of a table, ``ROW`` [≤ rows], ``rows`` at a time across its row groups.

    A missing text, or list, has length 0. Raises a UserError if a token is not the tokenizer's, a
    number is missing or too large, or the file is damaged.
    """
    waiting = np.empty(0, ROW)
    start = 0
    for batch in table.batches(min(READ, rows)):
        waiting = np.append(waiting, _rows_of(batch, table, encoder, start))
        start += batch.num_rows
        if len(waiting) >= rows:
            yield waiting[:rows]
            waiting = waiting[rows:]
    if len(waiting):
        yield waiting


def _rows_of(batch: pa.RecordBatch, table: Table, encoder: Encoder, start: int) -> np.ndarray:
    found = np.zeros(batch.num_rows, ROW)
    if "tokens" in table.columns:
        values, lengths = table.tokens(batch, encoder.size)
        found["length"] = np.minimum(lengths, SEQUENCE)
        place = np.arange(SEQUENCE)
        held = place < found["length"][:, None]
        begin = np.cumsum(lengths) - lengths
        found["tokens"][held] = values[(begin[:, None] + place)[held]]
    else:
        found["tokens"], found["length"] = encoder.first_tokens(table.texts(batch))
    found["index"], found["row"] = np.arange(start, start + len(found)), -1
    if "index" in table.columns:
        found["index"] = table.integers(batch["index"], "index")
    if "corpus_row" in table.columns:
        found["row"] = table.integers(batch["corpus_row"], "corpus_row", -1)
    return found


def read_corpus(path: Path, encoder: Encoder) -> tuple[np.ndarray, np.ndarray | None]:
    """Return a corpus as rows of tokens, and where they are in its documents.

    A corpus is one of

    - a NumPy file (``.npy``) of rows, uint16 [N, T], as the suite's ``windows.npy``;
    - a Parquet file (``.parquet``) with a column ``tokens``, lists all of one length ≥ 64, which
      are the rows; or lists of other lengths, or a column ``text``, which are documents;
    - a text file: a document; or a folder: each file below it is a text or Parquet, in order of
      their names; those that begin with a dot are left out.

    Documents are packed one after another, each followed by end-of-text, and cut into rows of 2048
    tokens, the last filled up with end-of-text. Raises a UserError if there is no such thing.

    Returns
    -------
    windows : uint16 [N, T], T ≥ 64, memory-mapped.
    place : int64 [N, 2], as ``corpus_place`` of `memorization.features.Sources`, where documents
        are packed; else None.
    """
    if path.suffix == ".npy" and path.is_file():
        return _read_npy(path, encoder.size), None
    files = _files(path)
    window = _row_length(files, encoder.size)
    if window:
        pieces = (tokens for file in files for tokens, _ in _lists(file, encoder.size))
        return pack(pieces, str(path), window)[0], None
    return pack((piece for file in files for piece in _documents(file, encoder)), str(path))


def pack(
    pieces: Iterable[np.ndarray], name: str, window: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return pieces of tokens, one after another, as rows, and where the rows are in the documents.

    On disk, in a file without a name. A document ends with end-of-text, token 0. Rows have 2048
    tokens unless ``window`` says how many, or fewer where there are no more.

    >>> rows, place = pack([np.array([3, 0] * 40 + [5] * 9, dtype=np.uint16)], "a corpus", 64)
    >>> rows.shape, place.tolist()
    ((2, 64), [[0, 0], [64, 64]])
    """
    total = 0
    begins = [np.zeros(1, np.int64)]
    with tempfile.TemporaryFile() as file:
        for piece in pieces:
            values = piece.astype(np.uint16, copy=False)
            file.write(values.tobytes())
            begins.append(total + 1 + np.flatnonzero(values == END_OF_TEXT))
            total += len(values)
        if total == 0:
            raise UserError(f"{name}: no tokens in this corpus")
        window = window or min(WINDOW, max(SEQUENCE, total))
        file.write(bytes(2 * (-total % window)))  # end-of-text is token 0
        file.flush()
        # The memory map keeps the file's contents when the file is closed.
        windows = np.memmap(file, np.uint16, "r").reshape(-1, window)
    first, begin = np.arange(len(windows)) * window, np.concatenate(begins)
    holder = begin[np.searchsorted(begin, first, side="right") - 1]
    return windows, np.stack([first, holder], axis=1)


def _files(path: Path) -> list[Path]:
    """Return the files of a corpus, in order."""
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise UserError(f"{path}: no such corpus; pass a .npy or Parquet file, a text or a folder")
    files = sorted(file for file in path.rglob("*") if file.is_file())
    hidden = [any(part.startswith(".") for part in own.relative_to(path).parts) for own in files]
    return [file for file, is_hidden in zip(files, hidden, strict=True) if not is_hidden]


def _read_npy(path: Path, size: int) -> np.ndarray:
    with readable(path, "NumPy file of numbers"):
        windows = np.lib.format.open_memmap(path, mode="r")
    if windows.dtype != np.uint16 or windows.ndim != 2 or windows.shape[1] < SEQUENCE:
        raise UserError(
            f"{path}: {windows.dtype} {list(windows.shape)}; must be uint16 [rows, tokens] with at "
            f"least {SEQUENCE} tokens a row"
        )
    if not len(windows):
        raise UserError(f"{path}: no tokens in this corpus")
    _check_tokens(path, windows, size)
    return windows


def _row_length(files: list[Path], size: int) -> int:
    """Return the tokens in a row where all files hold rows; 0 where they hold documents."""
    lengths: set[int] = set()
    for file in files:
        if file.suffix != ".parquet" or Table(file, ()).columns != ["tokens"]:
            return 0
        for _, own in _lists(file, size):
            lengths |= set(own.tolist())
            if len(lengths) > 1:
                return 0
    return max(lengths, default=0) if min(lengths, default=0) >= SEQUENCE else 0


def _lists(file: Path, size: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield tokens, and the lengths of the lists that they are of."""
    table = Table(file, ())
    for batch in table.batches():
        if batch["tokens"].null_count:
            raise UserError(f"{file}: column 'tokens' has missing lists; leave such rows out")
        yield table.tokens(batch, size)


def _documents(file: Path, encoder: Encoder) -> Iterator[np.ndarray]:
    """Yield the tokens of a file's documents, each followed by end-of-text, in pieces."""
    if file.suffix != ".parquet":
        yield from encoder.documents([_text(file)])
        return
    table = Table(file, ())
    if table.columns == ["text"]:
        for batch in table.batches():
            yield from encoder.documents(table.texts(batch))
        return
    for tokens, lengths in _lists(file, encoder.size):
        for piece in np.split(tokens, np.cumsum(lengths)[:-1]):
            yield np.append(piece, END_OF_TEXT)


def _text(file: Path) -> str:
    with readable(file, "readable file"):
        data = file.read_bytes()
    if b"\0" in data:
        raise UserError(
            f"{file}: not a text in UTF-8, it has NUL bytes; tokens are read from a .npy file, or "
            "from .parquet files"
        )
    return decoded(data)
