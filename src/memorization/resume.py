"""What is dear is made once: work in progress, and records of what finished work was made from.

With FRESH=1 in the environment nothing is taken up, ``FRESH=1 dvc repro -f suite`` trains again.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Collection
from importlib.metadata import version
from pathlib import Path
from typing import Any

from memorization.errors import UserError
from memorization.files import read_kept, write_json

PARTIAL = Path("results/.partial")
KEPT = "kept.json"
# Locks are held as long as these files are open: until the process ends, however it does.
_LOCKS: dict[Path, int] = {}


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

    Raises
    ------
    UserError
        If another process is at work there.
    """
    _lock(root / f"{stage}.lock")
    folder = root / f"{stage}-{digest_of(inputs)[:16]}"
    for stale in root.glob(f"{stage}-*"):
        if stale != folder or is_fresh():
            shutil.rmtree(stale)
    folder.mkdir(parents=True, exist_ok=True)
    # safetensors writes to a file of this name and renames it; a killed run may have left one.
    for unfinished in folder.rglob(".tmp*"):
        unfinished.unlink()
    for path in damaged(folder):
        print(f"{path}: damaged; made again", flush=True)
        path.unlink(missing_ok=True)
    (folder / KEPT).unlink(missing_ok=True)
    return folder


def keep(folder: Path, *parts: str) -> None:
    """Record the digests of finished files, so that `damaged` finds what is no longer as it was.

    What was recorded before stays recorded. `work_folder` takes up what is whole.

    Parameters
    ----------
    parts : the files and folders to record, from there; none: everything.
    """
    known = read_kept(folder / KEPT)
    write_json(known | file_digests(folder, *parts), folder / KEPT)


def damaged(folder: Path) -> list[Path]:
    """Return the files that were recorded with `keep` and are lost or have another content."""
    return [
        folder / name
        for name, digest in read_kept(folder / KEPT).items()
        if not (folder / name).is_file() or file_digest(folder / name) != digest
    ]


def publish(
    folder: Path, destination: Path, inputs: dict[str, Any], files: Collection[str]
) -> None:
    """Move the files of a finished folder to their place in one step, replacing what was there.

    What it was made from is recorded beside it, not in it, where all that reads it would seem
    changed whenever the record is.

    Parameters
    ----------
    inputs : whatever fixes the result, for `is_made_from`.
    files : what is published, from the folder; whatever else was left in it is deleted.

    Raises
    ------
    FileNotFoundError
        If one of the files was not made: a defect of the code.
    """
    destination.parent.mkdir(parents=True, exist_ok=True)
    present = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    if missing := sorted(set(files) - present):
        raise FileNotFoundError(f"{folder / missing[0]}: was not made")
    for extra in present - set(files):
        (folder / extra).unlink()
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


def _lock(path: Path) -> None:
    """Let no other process have this lock before this one ends.

    Raises
    ------
    UserError
        If another has it: two stages in one folder would destroy each other's work.
    """
    if path.absolute() in _LOCKS:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        owner = os.read(handle, 20).decode(errors="replace")
        os.close(handle)
        raise UserError(
            f"{path}: process {owner} is at work here; wait until it ends, or stop it, and run "
            "again"
        ) from None
    os.truncate(handle, 0)
    os.write(handle, str(os.getpid()).encode())
    _LOCKS[path.absolute()] = handle


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
