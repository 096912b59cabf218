"""Arrays that are larger than memory: made on disk, whole or not at all, and resumed."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from memorization.files import replacing
from memorization.suite.pythia.pieces import write_json

ZEROS = 1 << 24


def allocate(path: Path, dtype: type, shape: tuple[int, ...]) -> np.memmap:
    """Return a new array of zeros in a ``.npy`` file, all of whose room on the disk is taken.

    Raises
    ------
    OSError
        If the disk has no room. Writing to a mapped file that has no room kills the process.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    n_bytes = np.lib.format.open_memmap(path, "w+", dtype, shape).nbytes
    try:
        with path.open("r+b") as file:
            _take_room(file, path.stat().st_size, n_bytes)
    except OSError:
        path.unlink()
        raise
    return np.lib.format.open_memmap(path, "r+")


def save_array(array: np.ndarray, path: Path) -> None:
    """Write an array to a ``.npy`` file, whole or not at all."""
    with replacing(path) as partial, partial.open("wb") as file:
        np.save(file, array)


def _take_room(file: BinaryIO, size: int, zeros: int) -> None:
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file.fileno(), 0, size)
        return
    # macOS has no such call.
    file.seek(size - zeros)
    for start in range(0, zeros, ZEROS):
        file.write(bytes(min(ZEROS, zeros - start)))


@dataclass
class Writing:
    """A file in the making.

    Attributes
    ----------
    rows : uint16 [n, T], on disk.
    done : rows that an earlier run has written.
    state : what else it kept to go on from, or None.
    """

    rows: np.memmap
    done: int
    state: Any
    _mark: Path

    def keep(self, done: int, state: Any = None) -> None:
        """Keep what has been written: the next run goes on from here.

        Parameters
        ----------
        done : rows that are written.
        state : what else to go on from, as plain JSON values.
        """
        self.rows.flush()
        self.done, self.state = done, state
        write_json(self._mark, {"done": done, "state": state})


@contextmanager
def writing(path: Path, shape: tuple[int, int]) -> Iterator[Writing]:
    """Open a uint16 array to be written to a ``.npy`` file, whole or not at all.

    The file is put in its place when the block ends without an exception; only as many rows are
    kept as were said to be done.
    """
    partial, mark = path.with_name(path.name + ".partial"), path.with_name(path.name + ".done")
    earlier = _earlier(partial, mark, shape)
    if earlier is None:
        mark.unlink(missing_ok=True)
        rows = allocate(partial, np.uint16, shape)
    else:
        rows = np.lib.format.open_memmap(partial, "r+")
    kept = earlier or {"done": 0, "state": None}
    file = Writing(rows, kept["done"], kept["state"], mark)
    yield file
    rows.flush()
    if file.done < shape[0]:
        _cut(path, rows[: file.done])
        partial.unlink()
    else:
        partial.replace(path)
    mark.unlink(missing_ok=True)


def _earlier(partial: Path, mark: Path, shape: tuple[int, int]) -> dict[str, Any] | None:
    try:
        kept = json.loads(mark.read_text(encoding="utf-8"))
        rows = np.load(partial, mmap_mode="r")
    except (OSError, ValueError):
        return None
    return kept if rows.shape == shape and rows.dtype == np.uint16 else None


def _cut(path: Path, rows: np.ndarray) -> None:
    """Write fewer rows than were announced: the source held no more."""
    short = path.with_name(path.name + ".short")
    with short.open("wb") as file:
        np.save(file, rows)
    short.replace(path)
