"""A suite put together of pieces, each made once: for another target, or before an interruption.

A piece is some files and what was learnt while they were made. ``pieces/NAME.json`` marks it as
done, and says what it was made from and the digests of its files; so a later run takes over the
pieces of an earlier one, and of the suite that is there already, where these are the same and
whole.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from memorization.files import replacing
from memorization.resume import file_digests


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
        name : of the piece.
        inputs : whatever fixes it, as plain JSON values.
        make : writes the files and returns what is known of them, as plain JSON values.
        files : the files or folders it consists of, below ``work``.
        """
        mark = self.work / "pieces" / f"{name}.json"
        inputs = json.loads(json.dumps(self.common | inputs))
        for folder in (self.work, self.earlier):
            record = _read(folder / "pieces" / f"{name}.json")
            if record is None or record["inputs"] != inputs:
                continue
            if record.get("files") == file_digests(folder, *files):
                if folder != self.work:
                    for file in files:
                        _link(folder / file, self.work / file)
                    write_json(mark, record)
                return record["result"]
        result = make()
        write_json(
            mark, {"inputs": inputs, "files": file_digests(self.work, *files), "result": result}
        )
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
