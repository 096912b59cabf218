"""Fitted models as files: JSON for few numbers, safetensors for many; exact, and no code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save

from memorization.files import replacing


def write_json(values: dict[str, Any], path: Path) -> None:
    """Write nested lists and numbers as JSON; floats come back exactly."""
    with replacing(path) as partial:
        partial.write_text(json.dumps(values, indent=1, ensure_ascii=False) + "\n", "utf-8")


def read_json(path: Path) -> dict[str, Any]:
    """Return what `write_json` wrote."""
    values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return values


def write_arrays(arrays: dict[str, np.ndarray], facts: dict[str, Any], path: Path) -> None:
    """Write named arrays, and facts as JSON in the file's header."""
    contiguous = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    # Not save_file, whose files only their owner may read.
    content = save(contiguous, metadata={"facts": json.dumps(facts, sort_keys=True)})
    with replacing(path) as partial:
        partial.write_bytes(content)


def read_arrays(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Return what `write_arrays` wrote."""
    with safe_open(path, framework="numpy") as file:
        arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        return arrays, json.loads(file.metadata()["facts"])
