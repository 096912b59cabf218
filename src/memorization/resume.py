"""Work in progress, kept so that an interrupted stage goes on where it stopped."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

PARTIAL = Path("results/.partial")


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
    digest = hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()[:16]
    folder = root / f"{stage}-{digest}"
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


def publish(folder: Path, destination: Path) -> None:
    """Move a finished folder to its place in one step, replacing what was there."""
    if destination.exists():
        shutil.rmtree(destination)
    destination.parent.mkdir(parents=True, exist_ok=True)
    folder.replace(destination)
