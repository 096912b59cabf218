"""A corpus of one's own, as the rows of tokens that families count over."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet

from memorization.errors import UserError
from memorization.features.command.rows import (
    iterate_texts,
    list_lengths,
    open_parquet,
    token_values,
)
from memorization.features.tokenize import Encoder, decoded
from memorization.protocol import SEQUENCE

# Tokens in a row where documents are packed; no run of tokens is counted across rows.
WINDOW = 2048


def read_windows(path: Path, encoder: Encoder) -> np.ndarray:
    """Return a corpus as rows of tokens, uint16 [N, T], T ≥ 64, memory-mapped.

    Parameters
    ----------
    path : one of

        - a NumPy file (``.npy``) of such rows, as the suite's ``windows.npy``;
        - a Parquet file with a column ``tokens``, lists all of one length ≥ 64, which are the rows;
          or lists of other lengths, or a column ``text``, which are documents;
        - a text file: a document; or a folder: each file below it is one, in order of their names.

        Documents are packed one after another, each followed by end-of-text, and cut into rows of
        2048 tokens, the last filled up with end-of-text.
    encoder : of the tokenizer.

    Raises
    ------
    UserError
        If there is nothing at the path, or nothing that can be read so.
    """
    if not path.exists():
        raise UserError(f"{path}: no such corpus; pass a .npy or Parquet file, a text or a folder")
    if path.suffix == ".npy":
        return _read_npy(path)
    if path.suffix == ".parquet":
        return _read_parquet(path, encoder)
    files = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
    return pack(encoder.documents(decoded(file.read_bytes()) for file in files), str(path))


def pack(documents: Iterable[np.ndarray], name: str) -> np.ndarray:
    """Return pieces of tokens, one after another, as rows; on disk, in a file without a name.

    >>> pack([np.arange(3, dtype=np.uint16)], "a corpus").shape
    (1, 64)

    Raises
    ------
    UserError
        If there is no token at all; the message begins with ``name``.
    """
    total = 0
    with tempfile.TemporaryFile() as file:
        for piece in documents:
            file.write(piece.tobytes())
            total += len(piece)
        if total == 0:
            raise UserError(f"{name}: no tokens in this corpus")
        window = min(WINDOW, max(SEQUENCE, total))
        file.write(bytes(2 * (-total % window)))  # end-of-text is token 0
        file.flush()
        # The memory map keeps the file's contents when the file is closed.
        return np.memmap(file, np.uint16, "r").reshape(-1, window)


def _read_npy(path: Path) -> np.ndarray:
    try:
        windows = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError) as error:
        raise UserError(f"{path}: not a NumPy file ({error})") from None
    if windows.dtype != np.uint16 or windows.ndim != 2 or windows.shape[1] < SEQUENCE:
        raise UserError(
            f"{path}: {windows.dtype} {list(windows.shape)}; must be uint16 [rows, tokens] with at "
            f"least {SEQUENCE} tokens a row"
        )
    return windows


def _read_parquet(path: Path, encoder: Encoder) -> np.ndarray:
    file = open_parquet(path)
    if "tokens" not in file.schema_arrow.names:
        return pack(encoder.documents(iterate_texts(file, path)), str(path))
    lengths = np.concatenate(
        [np.zeros(0, np.int64), *(list_lengths(batch) for batch in _batches(file))]
    )
    are_rows = len(lengths) > 0 and (lengths == lengths[0]).all() and lengths[0] >= SEQUENCE
    pieces = _token_pieces(file, path, encoder.size, end_of_text=not are_rows)
    packed = pack(pieces, str(path))
    return packed.reshape(-1)[: lengths.sum()].reshape(len(lengths), -1) if are_rows else packed


def _batches(file: parquet.ParquetFile) -> Iterator[pa.Array]:
    for batch in file.iter_batches(batch_size=4096, columns=["tokens"]):
        yield batch["tokens"]


def _token_pieces(
    file: parquet.ParquetFile, path: Path, size: int, end_of_text: bool
) -> Iterator[np.ndarray]:
    for column in _batches(file):
        values = token_values(column, path, size).astype(np.uint16)
        if not end_of_text:
            yield values
            continue
        for piece in np.split(values, np.cumsum(list_lengths(column))[:-1]):
            yield piece
            yield np.zeros(1, np.uint16)
