"""A corpus of one's own, as the rows of tokens that families count over."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from memorization.errors import UserError
from memorization.features.command.files import readable
from memorization.features.command.rows import Table, unknown_token
from memorization.features.tokenize import Encoder, decoded
from memorization.protocol import SEQUENCE

# Tokens in a row where documents are packed; no run of tokens is counted across rows.
WINDOW = 2048


def read_corpus(path: Path, encoder: Encoder) -> tuple[np.ndarray, np.ndarray | None]:
    """Return a corpus as rows of tokens, and where they are in its documents.

    Parameters
    ----------
    path : one of

        - a NumPy file (``.npy``) of rows, uint16 [N, T], as the suite's ``windows.npy``;
        - a Parquet file (``.parquet``) with a column ``tokens``, lists all of one length ≥ 64,
          which are the rows; or lists of other lengths, or a column ``text``, which are documents;
        - a text file: a document; or a folder: each file below it is a text or Parquet, in order of
          their names; those that begin with a dot are left out.

        Documents are packed one after another, each followed by end-of-text, and cut into rows of
        2048 tokens, the last filled up with end-of-text.
    encoder : of the tokenizer.

    Returns
    -------
    windows : uint16 [N, T], T ≥ 64, memory-mapped.
    place : int64 [N, 2], as ``corpus_place`` of `memorization.features.Sources`, where documents
        are packed; else None.

    Raises
    ------
    UserError
        If there is nothing at the path, or nothing that can be read so.
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

    On disk, in a file without a name. A document ends with end-of-text, token 0.

    >>> rows, place = pack([np.array([3, 0] * 40 + [5] * 9, dtype=np.uint16)], "a corpus", 64)
    >>> rows.shape, place.tolist()
    ((2, 64), [[0, 0], [64, 64]])

    Parameters
    ----------
    name : of the corpus, for messages.
    window : tokens in a row; None: 2048, or fewer where there are no more.

    Raises
    ------
    UserError
        If there is no token at all.
    """
    total = 0
    begins = [np.zeros(1, np.int64)]
    with tempfile.TemporaryFile() as file:
        for piece in pieces:
            values = piece.astype(np.uint16, copy=False)
            file.write(values.tobytes())
            begins.append(total + 1 + np.flatnonzero(values == 0))
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
    own = [file.relative_to(path).parts for file in files]
    return [
        file
        for file, parts in zip(files, own, strict=True)
        if not any(part.startswith(".") for part in parts)
    ]


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
    if windows.max() >= size:
        raise UserError(unknown_token(path, windows.max(), size))
    return windows


def _row_length(files: list[Path], size: int) -> int:
    """Return the tokens in a row where all files hold rows; 0 where they hold documents."""
    lengths: set[int] = set()
    for file in files:
        if file.suffix != ".parquet" or Table.open(file, ()).columns != ["tokens"]:
            return 0
        for _, own in _lists(file, size):
            lengths |= set(own.tolist())
            if len(lengths) > 1:
                return 0
    return max(lengths, default=0) if min(lengths, default=0) >= SEQUENCE else 0


def _lists(file: Path, size: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield tokens, and the lengths of the lists that they are of."""
    table = Table.open(file, ())
    for batch in table.batches():
        if batch["tokens"].null_count:
            raise UserError(f"{file}: column 'tokens' has missing lists; leave such rows out")
        yield table.tokens(batch, size)


def _documents(file: Path, encoder: Encoder) -> Iterator[np.ndarray]:
    """Yield the tokens of a file's documents, each followed by end-of-text, in pieces."""
    if file.suffix != ".parquet":
        yield from encoder.documents([_text(file)])
        return
    table = Table.open(file, ())
    if table.columns == ["text"]:
        for batch in table.batches():
            yield from encoder.documents(table.texts(batch))
        return
    for tokens, lengths in _lists(file, encoder.size):
        for piece in np.split(tokens, np.cumsum(lengths)[:-1]):
            yield np.append(piece, 0)


def _text(file: Path) -> str:
    with readable(file, "readable file"):
        data = file.read_bytes()
    if b"\0" in data:
        raise UserError(
            f"{file}: not a text in UTF-8, it has NUL bytes; tokens are read from a .npy file, or "
            "from .parquet files"
        )
    return decoded(data)
