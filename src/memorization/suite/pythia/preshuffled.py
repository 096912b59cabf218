"""The whole training data on the hub, row by row: range reads of Megatron's files.

A row is what a sequence under study begins: 2049 tokens of training text. All rows together are 600
GB, but any of them is 4098 bytes, at a place that follows from its index: the ``.bin`` shards are
one file of 16-bit tokens without a header, cut anywhere, so that rows straddle shards
(EleutherAI/pythia, utils/unshard_memmap.py and utils/mmap_dataset.py). ``document.idx`` says how
the tokens are cut into rows; that all of them are alike is checked before anything is read.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from huggingface_hub import constants
from huggingface_hub.utils import WeakFileLock

from memorization.errors import UserError
from memorization.progress import progress
from memorization.suite.hub import Repository, file_size, list_files, read_ranges
from memorization.suite.hub.failures import disk
from memorization.suite.pythia.arrays import writing

# Rows between two points from which an interrupted run goes on. Sorted rows are mostly of one
# shard, so they keep all connections busy; more would show progress of their own.
BATCH = 192

_HEADER = struct.Struct("<9sQBQQ")
_MAGIC = b"MMIDIDX\x00\x00"
_UINT16 = 8
_BYTES = 2


@dataclass(frozen=True)
class Index:
    """The header of a Megatron index file.

    Attributes
    ----------
    dtype : its code of the tokens' type; 8 is uint16.
    n_rows : rows that the tokens are cut into.
    n_documents : entries of the document index behind the rows' sizes and places.
    """

    dtype: int
    n_rows: int
    n_documents: int

    @property
    def size(self) -> int:
        """Bytes of the whole file: sizes int32, places int64, documents int64."""
        return _HEADER.size + 12 * self.n_rows + 8 * self.n_documents


def parse_index(header: bytes) -> Index:
    """Return what the first 34 bytes of a Megatron ``.idx`` file say.

    Raises
    ------
    ValueError
        If it is no such file, or of an unknown version.

    >>> parse_index(b"MMIDIDX" + bytes(2) + struct.pack("<QBQQ", 1, 8, 146_432_000, 1)).size
    1757184042
    """
    magic, version, dtype, n_rows, n_documents = _HEADER.unpack(header)
    if magic != _MAGIC or version != 1:
        raise ValueError("not a Megatron index file of version 1")
    return Index(dtype, n_rows, n_documents)


@dataclass(frozen=True)
class Preshuffled:
    """Training data in training order, in shards.

    Attributes
    ----------
    repository : where they are.
    shards : file names, in order.
    sizes : int64, bytes of each.
    window : tokens a row.
    """

    repository: Repository
    shards: tuple[str, ...]
    sizes: np.ndarray
    window: int

    @property
    def n_rows(self) -> int:
        """Rows in all shards together."""
        return int(self.sizes.sum()) // (self.window * _BYTES)

    def read(self, index: np.ndarray) -> np.ndarray:
        """Return some rows, uint16 [n, window]."""
        rows = np.empty((len(index), self.window * _BYTES), np.uint8)
        parts = overlaps(index, self.sizes, self.window * _BYTES)
        for shard in np.unique(parts[:, 0]).tolist():
            here = parts[parts[:, 0] == shard]
            # Whole rows are of one length; the ends of a shard may hold parts of others.
            for length in np.unique(here[:, 4]).tolist():
                _, row, offset, start, _ = here[here[:, 4] == length].T
                name = self.shards[shard]
                found = read_ranges(self.repository, name, start, length)
                rows[row[:, None], offset[:, None] + np.arange(length)] = found
        return rows.view("<u2").astype(np.uint16, copy=False)


def overlaps(index: np.ndarray, sizes: np.ndarray, row_bytes: int) -> np.ndarray:
    """Return which bytes of which shards make up some rows, int64 [parts, 5].

    Columns: the shard; the place of the row in ``index``; the part's first byte in the row, and in
    the shard; its length. A row that straddles shards has several parts.

    Parameters
    ----------
    index : int64 [n], numbers of rows.
    sizes : int64 [shards], bytes.
    row_bytes : bytes a row.

    >>> overlaps(np.array([0, 2]), np.array([10, 10]), 4).tolist()
    [[0, 0, 0, 0, 4], [0, 1, 0, 8, 2], [1, 1, 2, 0, 2]]
    """
    ends = np.cumsum(sizes)
    first = np.asarray(index, np.int64) * row_bytes
    parts = []
    for shard, (begin, end) in enumerate(zip(ends - sizes, ends, strict=True)):
        start, stop = np.maximum(first, begin), np.minimum(first + row_bytes, end)
        rows = np.flatnonzero(start < stop)
        start, stop = start[rows], stop[rows]
        columns = (np.full(len(rows), shard), rows, start - first[rows], start - begin)
        parts.append(np.stack([*columns, stop - start], axis=1))
    return np.concatenate(parts)


def open_preshuffled(repository: Repository, window: int, population: int) -> Preshuffled:
    """Return the training data in a repository, after checking that they are what they should be.

    Reads sizes of files and a few bytes of ``document.idx``: the numbers of rows and bytes must
    agree, and the first and last rows be where rows of one length put them.

    Raises
    ------
    UserError
        If they are not rows of ``window`` tokens, at least ``population`` of them.
    """
    shards = tuple(list_files(repository, "document-*.bin"))
    sizes = np.array([file_size(repository, name) for name in shards], np.int64)
    found = Preshuffled(repository, shards, sizes, window)
    try:
        header = read_ranges(repository, "document.idx", np.array([0]), _HEADER.size)
        index = parse_index(header.tobytes())
    except ValueError as error:
        raise _not_readable(repository, f"document.idx is {error}") from None
    total = int(sizes.sum())
    n = index.n_rows
    if index.dtype != _UINT16:
        raise _not_readable(repository, f"tokens of type {index.dtype}, expected {_UINT16}, uint16")
    if total != n * window * _BYTES:
        raise _not_readable(
            repository, f"{total:,} bytes in the .bin files, expected {n:,} rows × {window} × 2"
        )
    if file_size(repository, "document.idx") != index.size:
        raise _not_readable(repository, f"document.idx is not of the {index.size:,} bytes it says")
    if n < population:
        raise _not_readable(repository, f"{n:,} rows, expected {population:,}")
    _check_ends(repository, n, window)
    return found


def _check_ends(repository: Repository, n: int, window: int) -> None:
    ends = np.array([0, n - 1])
    lengths_at, places_at = _HEADER.size, _HEADER.size + 4 * n
    lengths = read_ranges(repository, "document.idx", lengths_at + 4 * ends, 4).view("<i4")
    places = read_ranges(repository, "document.idx", places_at + 8 * ends, 8).view("<i8")
    if lengths.ravel().tolist() != [window, window]:
        raise _not_readable(repository, f"rows are not all of {window} tokens")
    if places.ravel().tolist() != (ends * window * _BYTES).tolist():
        raise _not_readable(repository, "rows are not one after the other")


def _not_readable(repository: Repository, reason: str) -> UserError:
    return UserError(
        f"{repository}: {reason}; pin another commit in pythia.revisions, or set pythia.corpus to "
        "sample and pythia.context to false, which do not need these files"
    )


def fetch_rows(source: Preshuffled, index: np.ndarray, path: Path, job: str) -> None:
    """Write rows to ``path``, uint16 [n, window] as ``.npy``; an interrupted run goes on."""
    with (
        writing(path, (len(index), source.window)) as file,
        progress(job, len(index), "rows", file.done) as advance,
    ):
        for start in range(file.done, len(index), BATCH):
            stop = min(start + BATCH, len(index))
            file.rows[start:stop] = source.read(index[start:stop])
            file.keep(stop)
            advance(stop - start)


def cached_rows(
    repository: Repository, index: np.ndarray, window: int, population: int
) -> np.ndarray:
    """Return rows in the order of ``index``, uint16 [n, window]; they are fetched once.

    They are kept beside the hub client's cache (``HF_HOME``), by the commit and the rows asked for.

    Raises
    ------
    UserError
        If they are not there yet and the hub or the disk fails, or the data are not what they
        should be.
    """
    wanted = np.unique(index)
    digest = hashlib.sha256(wanted.astype("<i8").tobytes()).hexdigest()[:16]
    folder = Path(constants.HF_HOME) / "memorization"
    path = folder / f"rows-{repository.commit[:12]}-{digest}.npy"
    if not path.exists():
        with disk(folder, wanted.size * window * _BYTES):
            folder.mkdir(parents=True, exist_ok=True)
            # Every run of this user shares the folder, and two would write to one file.
            with WeakFileLock(path.with_suffix(".lock")):
                if not path.exists():
                    source = open_preshuffled(repository, window, population)
                    fetch_rows(source, wanted, path, "whole rows of the training data")
    rows = np.load(path, mmap_mode="r")
    return rows if np.array_equal(wanted, index) else rows[np.searchsorted(wanted, index)]
