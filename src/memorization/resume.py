"""What is dear is made once: work in progress, and records of what finished work was made from.

With FRESH=1 in the environment nothing is taken up, ``FRESH=1 dvc repro -f suite`` trains again.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from importlib.metadata import version
from pathlib import Path
from typing import Any

from memorization.files import read_kept, write_json

PARTIAL = Path("results/.partial")
KEPT = "kept.json"


def is_fresh() -> bool:
    """Return whether all is to be made anew: FRESH is set in the environment, and is not 0."""
    return os.environ.get("FRESH", "0") not in ("", "0")


def work_folder(stage: str, inputs: dict[str, Any], root: Path = PARTIAL) -> Path:
    """Return the folder where a stage keeps what it has finished so far.

    The folder's name is a digest of everything that the result depends on, so that work is only
    taken up again by a run that would repeat it; what other inputs left behind is deleted, and so
    is a temporary file that a killed run was still writing, and what was finished and kept but is
    no longer what it was.

    Parameters
    ----------
    stage : the stage's name.
    inputs : whatever fixes the result, as plain JSON values.
    """
    folder = root / f"{stage}-{digest_of(inputs)[:16]}"
    for stale in root.glob(f"{stage}-*"):
        if stale != folder or is_fresh():
            shutil.rmtree(stale)
    folder.mkdir(parents=True, exist_ok=True)
    # safetensors writes to a file of this name and renames it; a killed run may have left one.
    for unfinished in folder.rglob(".tmp*"):
        unfinished.unlink()
    for name, digest in read_kept(folder / KEPT).items():
        path = folder / name
        if not path.is_file() or file_digest(path) != digest:
            print(f"{path}: damaged; made again", flush=True)
            path.unlink(missing_ok=True)
    (folder / KEPT).unlink(missing_ok=True)
    return folder


def keep(folder: Path) -> None:
    """Record that the work in a folder is finished; `work_folder` takes it up if it is whole."""
    write_json(file_digests(folder), folder / KEPT)


def publish(folder: Path, destination: Path, inputs: dict[str, Any]) -> None:
    """Move a finished folder to its place in one step, replacing what was there.

    What it was made from is recorded beside it, not in it, where all that reads it would seem
    changed whenever the record is.

    Parameters
    ----------
    inputs : whatever fixes the result, for `is_made_from`.
    """
    destination.parent.mkdir(parents=True, exist_ok=True)
    record = {"inputs": _plain(inputs), "files": file_digests(folder)}
    write_json(record, record_of(destination))
    if destination.exists():
        shutil.rmtree(destination)
    folder.replace(destination)


def is_made_from(folder: Path, inputs: dict[str, Any]) -> bool:
    """Return whether a published folder is whole and was made from these very inputs."""
    made = read_kept(record_of(folder))
    if not made or is_fresh():
        return False
    before, now = made["inputs"], _plain(inputs)
    changed = sorted(name for name in before | now if before.get(name) != now.get(name))
    if not changed and made["files"] != file_digests(folder):
        changed = ["its own files"]
    if changed:
        print(f"{folder}: made again; other than before: {', '.join(changed)}", flush=True)
    return not changed


def record_of(folder: Path) -> Path:
    """Return the file that says what a published folder was made from."""
    return folder.with_name(f"{folder.name}_made_from.json")


def file_digest(path: str | Path) -> str:
    """Return the SHA-256 of a file as a hexadecimal string."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def file_digests(folder: Path, *parts: str) -> dict[str, str]:
    """Return the SHA-256 of each file of a folder, by its name from there.

    Parameters
    ----------
    parts : the files and folders to look at, from there; none: everything.
    """
    places = [folder / part for part in parts] or [folder]
    files = {
        file for place in places for file in ([place] if place.is_file() else place.rglob("*"))
    }
    return {
        file.relative_to(folder).as_posix(): file_digest(file)
        for file in sorted(files)
        if file.is_file()
    }


def library_versions(*names: str) -> dict[str, str]:
    """Return the versions of some installed libraries, by name."""
    return {name: version(name) for name in names}


def digest_of(inputs: dict[str, Any]) -> str:
    """Return the SHA-256 of JSON values as a hexadecimal string."""
    return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()


def _plain(inputs: dict[str, Any]) -> dict[str, Any]:
    """Return inputs as they come back from a file: tuples are lists there."""
    return json.loads(json.dumps(inputs))
