"""Corpora of anybody's to count over: documents, or rows of tokens, as rows of 16-bit numbers."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from memorization.errors import UserError
from memorization.features.own.reading import (
    files_below,
    form_of,
    open_source,
    readable,
    text_or_reason,
)
from memorization.features.use import MOST_IDS
from memorization.features.vocabulary import Vocabulary
from memorization.protocol import END_OF_TEXT, SEQUENCE

# Tokens in a row where documents are packed; no run of tokens is counted across rows.
WINDOW = 2048
# Tokens that are numbered anew at once.
BLOCK = 2**22


@dataclass(frozen=True)
class Corpus:
    """Rows of tokens, as `memorization.features.Sources` takes them.

    Attributes
    ----------
    windows : uint16 [N, T], T ≥ 64, memory-mapped.
    place : int64 [N, 2], ``corpus_place``, where documents are packed; else None.
    ids : int64 [k], ``corpus_ids``, where the tokenizer has more than 65,536 tokens; else None.
    """

    windows: np.ndarray
    place: np.ndarray | None
    ids: np.ndarray | None = None


def read_corpus(path: Path, vocabulary: Vocabulary) -> Corpus:
    """Return a corpus as rows of tokens.

    A corpus is one of

    - a NumPy file (``.npy``) of rows, integers [N, T], as the suite's ``windows.npy``;
    - a Parquet, JSON Lines or CSV file with a column ``tokens``, lists all of one length ≥ 64,
      which are the rows; or lists of other lengths, or a column ``text``, which are documents;
    - a text file: a document; or a folder: each file below it is a text or such a table, in order
      of their names; those that begin with a dot are left out, and what is no text is, too, and
      named.

    Documents are packed one after another, each followed by end-of-text, and cut into rows of 2048
    tokens, the last filled up with end-of-text. Raises a UserError if there is no such thing, or
    more than 65,472 different tokens are in it.
    """
    if path.suffix == ".npy" and path.is_file():
        rows = _read_npy(path, vocabulary)
        if rows.dtype == np.uint16 and vocabulary.numbers_are_own:
            return Corpus(rows, None)
        blocks = (vocabulary.numbers(rows[i : i + WINDOW]) for i in range(0, len(rows), WINDOW))
        pieces, window = (block.ravel() for block in blocks), rows.shape[1]
    else:
        if not path.exists():
            raise UserError(f"{path}: no such corpus; pass a .npy, a table, a text or a folder")
        is_part = path.is_dir()
        files = files_below(path) if is_part else [path]
        window = _row_length(files)
        pieces = (
            piece for file in files for piece in _documents(file, vocabulary, not window, is_part)
        )
    packed = pack(pieces, str(path), window or None, np.uint16 if vocabulary.fits else np.int32)
    windows, place = packed
    ids = None
    if not vocabulary.fits:
        windows, ids = _numbered_anew(windows, str(path))
    return Corpus(windows, None if window else place, ids)


def pack(
    pieces: Iterable[np.ndarray],
    name: str,
    window: int | None = None,
    dtype: type[np.integer] = np.uint16,
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
            values = piece.astype(dtype, copy=False)
            file.write(values.tobytes())
            begins.append(total + 1 + np.flatnonzero(values == END_OF_TEXT))
            total += len(values)
        if total == 0:
            raise UserError(f"{name}: no tokens in this corpus")
        window = window or min(WINDOW, max(SEQUENCE, total))
        file.write(bytes(np.dtype(dtype).itemsize * (-total % window)))  # end-of-text is token 0
        file.flush()
        # The memory map keeps the file's contents when the file is closed.
        windows = np.memmap(file, dtype, "r").reshape(-1, window)
    first, begin = np.arange(len(windows)) * window, np.concatenate(begins)
    holder = begin[np.searchsorted(begin, first, side="right") - 1]
    return windows, np.stack([first, holder], axis=1)


def _numbered_anew(windows: np.ndarray, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return rows with tokens by their places among those that occur, uint16, and these, int64."""
    flat, ids = windows.reshape(-1), np.array([END_OF_TEXT])
    blocks = [slice(start, start + BLOCK) for start in range(0, len(flat), BLOCK)]
    for block in blocks:
        ids = np.union1d(ids, flat[block])
    if len(ids) > MOST_IDS:
        raise UserError(
            f"{name}: {len(ids):,} different tokens in this corpus; at most {MOST_IDS:,} can be "
            "counted: pass a smaller tokenizer (--tokenizer bytes), or less text"
        )
    rows, _ = pack((np.searchsorted(ids, flat[own]) for own in blocks), name, windows.shape[1])
    return rows, ids


def _read_npy(path: Path, vocabulary: Vocabulary) -> np.ndarray:
    with readable(path, "NumPy file of numbers"):
        windows = np.lib.format.open_memmap(path, mode="r")
    if windows.dtype.kind not in "iu" or windows.ndim != 2 or windows.shape[1] < SEQUENCE:
        raise UserError(
            f"{path}: {windows.dtype} {list(windows.shape)}; must be integers [rows, tokens] with "
            f"at least {SEQUENCE} tokens a row"
        )
    if not len(windows):
        raise UserError(f"{path}: no tokens in this corpus")
    vocabulary.check(windows, f"{path}: ")
    return windows


def _row_length(files: list[Path]) -> int:
    """Return the tokens in a row where all files hold rows; 0 where they hold documents."""
    lengths: set[int] = set()
    for file in files:
        if form_of(file) is None:
            return 0
        source = open_source(str(file))
        if source.column == "text":
            return 0
        for batch in source:
            lengths |= set(batch.lengths.tolist())
            if len(lengths) == 2 and min(lengths) == 0 and max(lengths) >= SEQUENCE:
                raise UserError(
                    f"{file}: missing or empty lists among rows of {max(lengths):,} tokens; leave "
                    "such rows out"
                )
            if len(lengths) > 1:
                return 0
    return max(lengths, default=0) if min(lengths, default=0) >= SEQUENCE else 0


def _documents(
    file: Path, vocabulary: Vocabulary, ended: bool, is_part: bool
) -> Iterator[np.ndarray]:
    """Yield the tokens of a file, in pieces; each document is followed by end-of-text if so.

    A file that is no text is left out, and named, where it is part of a folder.
    """
    if form_of(file) is None:
        text, why = text_or_reason(file)
        if why not in ("", "empty"):
            # Rows of tokens are a corpus of their own, and no stray file.
            if not is_part or file.suffix == ".npy":
                raise UserError(
                    f"{file}: {why}; a corpus is texts in UTF-8, .npy or tables of texts"
                )
            print(f"{file}: not counted over, {why}")
            return
        yield from vocabulary.documents([text])
        return
    for batch in open_source(str(file)):
        if batch.texts is not None:
            yield from vocabulary.documents(text or "" for text in batch.texts)
            continue
        vocabulary.check(batch.tokens, f"{file}: ")
        numbers = vocabulary.numbers(batch.tokens)
        for piece in np.split(numbers, np.cumsum(batch.lengths)[:-1]) if ended else [numbers]:
            yield np.append(piece, END_OF_TEXT) if ended else piece
