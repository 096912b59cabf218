"""A suite put together of pieces, each made once: for another target, or before an interruption.

A piece is some files and what was learnt while they were made. ``pieces/NAME.json`` marks it as
done, and says what it was made from and how large its files are; so a later run takes over the
pieces of an earlier one, and of the suite that is there already, where these are the same and
whole. Arrays that are larger than memory are made on disk, and go on where a run stopped.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from memorization.files import replacing
from memorization.resume import file_sizes


@dataclass(frozen=True)
class Pieces:
    """The pieces of a suite in the making.

    Attributes
    ----------
    work : the folder that the suite is made in.
    earlier : a finished suite whose pieces may be taken over.
    common : what every piece is made from, as plain JSON values: code, facts.
    """

    work: Path
    earlier: Path
    common: dict[str, Any]

    def get(
        self, name: str, inputs: dict[str, Any], make: Callable[[], dict[str, Any]], *files: str
    ) -> dict[str, Any]:
        """Return what is known of a piece, making it unless it is there.

        Parameters
        ----------
        inputs : whatever fixes it, as plain JSON values.
        make : writes the files and returns what is known of them, as plain JSON values.
        files : the files or folders it consists of, below ``work``.
        """
        mark = Path("pieces", f"{name}.json")
        inputs = json.loads(json.dumps(self.common | inputs))
        for folder in (self.work, self.earlier):
            record = _read(folder / mark)
            if record is None or record["inputs"] != inputs:
                continue
            if record.get("files") == file_sizes(folder, *files):
                if folder != self.work:
                    for file in files:
                        _link(folder / file, self.work / file)
                    write_json(self.work / mark, record)
                return record["result"]
        result = make()
        record = {"inputs": inputs, "files": file_sizes(self.work, *files), "result": result}
        write_json(self.work / mark, record)
        return result


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write JSON, whole or not at all."""
    with replacing(path) as partial:
        partial.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _read(mark: Path) -> dict[str, Any] | None:
    try:
        return json.loads(mark.read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return None


def _link(source: Path, destination: Path) -> None:
    """Put a file or folder in a second place, without a copy where the file system can."""
    destination.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.rmtree(destination, ignore_errors=True)
        shutil.copytree(source, destination, copy_function=_link_file)
    else:
        _link_file(source, destination)


def _link_file(source: str | Path, destination: str | Path) -> None:
    # DVC may have put a link to its cache there, which is what is to be linked.
    source, destination = Path(source).resolve(), Path(destination)
    destination.unlink(missing_ok=True)
    try:
        os.link(source, destination)
    except OSError:
        shutil.copyfile(source, destination)


def allocate(path: Path, dtype: type, shape: tuple[int, ...]) -> np.memmap:
    """Return a new array of zeros in a ``.npy`` file, all of whose room on the disk is taken.

    Raises
    ------
    OSError
        If the disk has no room. Writing to a mapped file that has no room kills the process.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    array = np.lib.format.open_memmap(path, "w+", dtype, shape)
    try:
        with path.open("r+b") as file:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
            else:  # on macOS
                file.seek(array.offset)
                for start in range(0, array.nbytes, 1 << 24):
                    file.write(bytes(min(1 << 24, array.nbytes - start)))
    except OSError:
        path.unlink()
        raise
    return np.lib.format.open_memmap(path, "r+")


def save_array(array: np.ndarray, path: Path) -> None:
    """Write an array to a ``.npy`` file, whole or not at all."""
    with replacing(path) as partial, partial.open("wb") as file:
        np.save(file, array)


@dataclass
class Growing:
    """Rows of tokens in the making.

    Attributes
    ----------
    rows : uint16 [n, T], on disk.
    done : rows that are written.
    state : what else was kept to go on from, as plain JSON values; or None.
    """

    rows: np.memmap
    done: int
    state: Any
    _mark: Path

    def append(self, rows: np.ndarray, state: Any = None) -> None:
        """Write further rows, from behind which the next run would go on."""
        stop = self.done + len(rows)
        self.rows[self.done : stop] = rows
        self.rows.flush()
        self.done, self.state = stop, state
        write_json(self._mark, {"done": stop, "state": state})


@contextmanager
def growing(path: Path, shape: tuple[int, int]) -> Iterator[Growing]:
    """Open a uint16 array to be written to a ``.npy`` file, whole or not at all.

    The file is put in its place when the block ends without an exception, with as many rows as
    were appended to it.
    """
    partial, mark = path.with_name(path.name + ".growing"), path.with_name(path.name + ".done")
    try:
        kept = json.loads(mark.read_text(encoding="utf-8"))
        rows = np.lib.format.open_memmap(partial, "r+")
    except (OSError, ValueError):
        kept = None
    if kept is None or rows.shape != shape or rows.dtype != np.uint16:
        mark.unlink(missing_ok=True)
        kept, rows = {"done": 0, "state": None}, allocate(partial, np.uint16, shape)
    file = Growing(rows, kept["done"], kept["state"], mark)
    yield file
    rows.flush()
    if file.done < shape[0]:  # the source held no more
        save_array(rows[: file.done], path)
        partial.unlink()
    else:
        partial.replace(path)
    mark.unlink(missing_ok=True)
