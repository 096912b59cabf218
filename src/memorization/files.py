"""Files that are there whole or not at all, whenever a run is killed: JSON and metrics."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a file to write, beside ``path``, whose place it takes when the block ends well.

    Until then, and if it ends with an exception, what was there stays. A file that ``path`` is a
    link to, such as one in DVC's cache, stays as it is; the link is replaced. The folder is made if
    missing.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "new", "a.txt")
    ...     with replacing(path) as partial:
    ...         _ = partial.write_text("whole")
    ...     path.read_text(), [file.name for file in path.parent.iterdir()]
    ('whole', ['a.txt'])
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def write_metrics(values: dict[str, Any], path: str | Path) -> None:
    """Write nested metrics: sorted keys, six significant digits, undefined values as null."""
    text = json.dumps(_rounded(values), indent=2, sort_keys=True, allow_nan=False)
    with replacing(Path(path)) as partial:
        partial.write_text(text + "\n", encoding="utf-8")


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(item) for item in value]
    if isinstance(value, float):
        return float(f"{value:.6g}") if math.isfinite(value) else None
    return value


def write_json(values: dict[str, Any], path: Path, indent: int = 1) -> None:
    """Write nested lists and numbers as JSON, whole or not at all; floats come back exactly."""
    with replacing(path) as partial:
        partial.write_text(json.dumps(values, indent=indent, ensure_ascii=False) + "\n", "utf-8")


def read_json(path: Path) -> dict[str, Any]:
    """Return what `write_json` wrote."""
    values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return values


def read_kept(path: Path) -> dict[str, Any]:
    """Return what an earlier run kept with `write_json`; nothing if it is missing or damaged."""
    try:
        values = read_json(path)
    except (FileNotFoundError, ValueError):
        return {}
    return values if isinstance(values, dict) else {}
