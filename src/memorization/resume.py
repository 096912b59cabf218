"""Work in progress, kept so that an interrupted stage goes on where it stopped."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

PARTIAL = Path("results/.partial")
MADE_FROM = "made_from.json"


def work_folder(stage: str, inputs: dict[str, Any], root: Path = PARTIAL) -> Path:
    """Return the folder where a stage keeps what it has finished so far.

    The folder's name is a digest of everything that the result depends on, so that work is only
    taken up again by a run that would repeat it; what other inputs left behind is deleted, and so
    is a temporary file that a killed run was still writing.

    Parameters
    ----------
    stage : the stage's name.
    inputs : whatever fixes the result, as plain JSON values.
    """
    folder = root / f"{stage}-{_digest(inputs)}"
    for stale in root.glob(f"{stage}-*"):
        if stale != folder:
            shutil.rmtree(stale)
    folder.mkdir(parents=True, exist_ok=True)
    # safetensors writes to a file of this name and renames it; a killed run may have left one.
    for unfinished in folder.rglob(".tmp*"):
        unfinished.unlink()
    return folder


def file_digest(path: str | Path) -> str:
    """Return the SHA-256 of a file as a hexadecimal string."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def source_digest(*sources: Path) -> str:
    """Return one SHA-256 of Python sources: files, or every module below a folder."""
    total = hashlib.sha256()
    for source in sources:
        for path in sorted(source.rglob("*.py")) if source.is_dir() else [source]:
            total.update(path.read_bytes())
    return total.hexdigest()


def file_sizes(folder: Path, *parts: str) -> dict[str, int]:
    """Return the size of each file of a folder in bytes, by its name from there.

    Parameters
    ----------
    parts : the files and folders to look at, from there; none: everything.
    """
    places = [folder / part for part in parts] or [folder]
    files = [
        file for place in places for file in ([place] if place.is_file() else place.rglob("*"))
    ]
    return {
        file.relative_to(folder).as_posix(): file.stat().st_size
        for file in sorted(files)
        if file.is_file() and file.name != MADE_FROM
    }


def is_made_from(folder: Path, inputs: dict[str, Any]) -> bool:
    """Return whether a published folder is whole and was made from these very inputs."""
    try:
        made = json.loads((folder / MADE_FROM).read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return False
    return made == {"inputs": _digest(inputs), "files": file_sizes(folder)}


def publish(folder: Path, destination: Path, inputs: dict[str, Any]) -> None:
    """Move a finished folder to its place in one step, replacing what was there.

    Parameters
    ----------
    inputs : whatever fixes the result, for `is_made_from`.
    """
    made = {"inputs": _digest(inputs), "files": file_sizes(folder)}
    (folder / MADE_FROM).write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")
    if destination.exists():
        shutil.rmtree(destination)
    destination.parent.mkdir(parents=True, exist_ok=True)
    folder.replace(destination)


def _digest(inputs: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()[:16]
