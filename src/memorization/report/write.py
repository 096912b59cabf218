"""All that the report stage writes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from memorization.report.drawing import svg
from memorization.report.figures import FIGURES
from memorization.report.results import Results
from memorization.report.tables import TABLES
from memorization.report.variables import to_yaml, variables


def write_report(
    results: Results, paper: Path, written: Callable[[int], object] = lambda done: None
) -> None:
    """Write figures, tables and variables into the paper's folder, and remove what is stale.

    Parameters
    ----------
    written : told ``1`` after each figure and table.
    """
    outputs: dict[Path, bytes] = {}
    for name, draw in FIGURES.items():
        outputs[paper / "figures" / f"{name}.svg"] = svg(lambda draw=draw: draw(results))  # type: ignore[misc]
        written(1)
    for name, write in TABLES.items():
        outputs[paper / "tables" / f"{name}.md"] = write(results).encode("utf-8")
        written(1)
    outputs[paper / "_variables.yml"] = to_yaml(variables(results)).encode("utf-8")
    # Only when all of it is made, so that a mistake leaves the last whole report in place.
    for folder, pattern in (("figures", "*.svg"), ("tables", "*.md")):
        for old in sorted((paper / folder).glob(pattern)):
            if old not in outputs:
                old.unlink()
    for path, content in outputs.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
