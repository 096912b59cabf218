"""Metrics as small JSON files that git and DVC can compare."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from memorization.atomic import replacing


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
