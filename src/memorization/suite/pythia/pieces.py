"""A suite put together of pieces, each made once: for another target, or before an interruption.

A piece is some files and what was learnt while they were made. ``pieces/NAME.json`` marks it as
done, and says what it was made from and the digests of its files; so a later run takes over the
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

from memorization.files import read_kept, replacing, write_json
from memorization.resume import file_digests
from memorization.suite.hub import Repository


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
        self,
        name: str,
        source: Repository,
        make: Callable[..., dict[str, Any]],
        *files: str,
        **inputs: Any,
    ) -> dict[str, Any]:
        """Return what is known of a piece, making it unless it is there.

        Parameters
        ----------
        source : the repository that it is made from.
        make : writes the files, whose paths it is given, and returns what is known of them, as
            plain JSON values.
        files : the files or folders it consists of, below ``work``.
        inputs : whatever else fixes it, as plain JSON values.
        """
        mark = Path("pieces", f"{name}.json")
        made_from = {"repository": source.name, "commit": source.commit}
        inputs = json.loads(json.dumps(self.common | made_from | inputs))
        for folder in (self.work, self.earlier):
            record = read_kept(folder / mark)
            if not record or record["inputs"] != inputs:
                continue
            if record.get("files") == file_digests(folder, *files):
                if folder != self.work:
                    for file in files:
                        _copy(folder / file, self.work / file)
                    write_json(record, self.work / mark, indent=2)
                return record["result"]
        result = make(*(self.work / file for file in files))
        record = {"inputs": inputs, "files": file_digests(self.work, *files), "result": result}
        write_json(record, self.work / mark, indent=2)
        return result

    def files(self) -> list[str]:
        """Return the names of the files of all pieces that are there, their marks among them."""
        marks = {path: read_kept(path) for path in (self.work / "pieces").glob("*.json")}
        return [
            *(name for record in marks.values() for name in record["files"]),
            *(path.relative_to(self.work).as_posix() for path in marks),
        ]


def _copy(source: Path, destination: Path) -> None:
    """Put a file or folder in a second place; of links, such as to DVC's cache, their content."""
    destination.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.rmtree(destination, ignore_errors=True)
        shutil.copytree(source, destination, copy_function=shutil.copyfile)
    else:
        shutil.copyfile(source, destination)


def save_array(array: np.ndarray, path: Path) -> None:
    """Write an array to a ``.npy`` file, whole or not at all."""
    with replacing(path) as partial, partial.open("wb") as file:
        np.save(file, array)


class Growing:
    """Rows of tokens in the making.

    Attributes
    ----------
    done : rows that are written.
    state : what else was kept to go on from, as plain JSON values; or None.
    """

    def __init__(self, partial: Path, shape: tuple[int, int]) -> None:
        """Go on behind the rows that an earlier run has written, if these were of this shape."""
        self.mark, self.shape = partial.with_suffix(".done"), list(shape)
        partial.parent.mkdir(parents=True, exist_ok=True)
        self.file = partial.open("ab")
        self.done, self.state = 0, None
        kept = read_kept(self.mark)
        if kept.get("shape") == self.shape and self.file.tell() >= 2 * kept["done"] * shape[1]:
            self.done, self.state = kept["done"], kept["state"]
        self.file.truncate(2 * self.done * shape[1])

    def append(self, rows: np.ndarray, state: Any = None) -> None:
        """Write further rows, uint16 [n, T]; the next run would go on behind them."""
        self.file.write(rows.astype("<u2").tobytes())
        self.file.flush()
        os.fsync(self.file.fileno())
        self.done, self.state = self.done + len(rows), state
        kept = {"shape": self.shape, "done": self.done, "state": state}
        write_json(kept, self.mark, indent=2)


@contextmanager
def growing(path: Path, shape: tuple[int, int]) -> Iterator[Growing]:
    """Open a uint16 array, to be written row by row to a ``.npy`` file, whole or not at all.

    The file is there when the block ends without an exception, with as many rows as were appended
    to it, at most as many as the shape has.
    """
    partial = path.with_suffix(".growing")
    rows = Growing(partial, shape)
    with rows.file:
        yield rows
    content = np.memmap(partial, "<u2", "r") if rows.done else np.empty(0, "<u2")
    save_array(content.reshape(rows.done, shape[1]), path)
    partial.unlink()
    rows.mark.unlink(missing_ok=True)
