"""Files that are there whole or not at all, whenever a run is killed: JSON and metrics."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

import numpy as np

Object = TypeVar("Object")


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


def write_object(held: Any, path: Path) -> None:
    """Write a dataclass as JSON, with all that it holds, arrays as lists."""
    write_json(_plain(held), path)


def read_object(kind: type[Object], path: Path) -> Object:
    """Return the dataclass of a kind that `write_object` wrote; its annotations tell what is what.

    >>> from dataclasses import dataclass
    >>> from tempfile import TemporaryDirectory
    >>> @dataclass
    ... class Line:
    ...     slopes: np.ndarray
    >>> with TemporaryDirectory() as folder:
    ...     write_object(Line(np.array([0.1, 2.0])), Path(folder, "line.json"))
    ...     read_object(Line, Path(folder, "line.json"))
    Line(slopes=array([0.1, 2. ]))
    """
    found: Object = _rebuilt(kind, read_json(path))
    return found


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    return value.tolist() if isinstance(value, np.ndarray) else value


def _rebuilt(kind: Any, value: Any) -> Any:
    if is_dataclass(kind):
        hints = get_type_hints(kind)
        names = [field.name for field in fields(kind)]
        return kind(**{name: _rebuilt(hints[name], value[name]) for name in names})  # type: ignore[operator]
    if kind is np.ndarray:
        # An empty list does not say of what. As positions, floats would not do.
        return np.array(value, None if value else np.int64)
    if get_origin(kind) is dict:
        return {name: _rebuilt(get_args(kind)[1], item) for name, item in value.items()}
    return tuple(value) if get_origin(kind) is tuple else value
