"""All that the report stage writes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import yaml
from matplotlib.figure import Figure

from memorization.files import replacing
from memorization.report.claims import judged, not_so, to_json
from memorization.report.drawing import svg
from memorization.report.figures import ALT, FIGURES
from memorization.report.results import PREDICTIONS, Results
from memorization.report.tables import TABLES
from memorization.report.variables import facts_of, to_yaml, variables

T = TypeVar("T")

SAMPLE = ("sequences.parquet", "labels.parquet", "splits.parquet")

# What holds each of the results, below the results folder; metrics have a file for each question.
FILES = {
    "suite": ("suite/manifest.json",),
    "sample": SAMPLE,
    "followed": SAMPLE,
    "bootstrap": SAMPLE,
    "when_bootstrap": SAMPLE,
    "targets": SAMPLE,
    "trajectories": ("trajectories.npz",),
    "histories": ("trajectories.npz", "exposures.parquet"),
    "units": ("arm.parquet",),
    "unit_trajectories": ("trajectories.npz",),
    "seeds": ("metrics/seeds.json",),
} | {name: (f"predictions/{name}.parquet",) for name in PREDICTIONS}


def write_report(
    results: Results, paper: Path, written: Callable[[int], object] = lambda done: None
) -> list[str]:
    """Write figures, tables, variables and claims into the paper's folder; remove what is stale.

    ``_sources.yml`` says of each figure and table which module made it of which files, and of a
    figure what it shows to those who do not see it; ``pages.lua`` puts that on the page.

    Parameters
    ----------
    written : told ``1`` after each figure and table.

    Returns
    -------
    list
        A line for each claim of the text that does not hold in these results.
    """
    outputs: dict[Path, bytes] = {}
    sources: dict[str, dict[str, dict[str, Any]]] = {"figures": {}, "tables": {}}
    for name, draw in FIGURES.items():
        picture, files = with_files(partial(_picture, draw, ALT[name]), results)
        outputs[paper / "figures" / f"{name}.svg"] = picture
        sources["figures"][name] = {"alt": ALT[name], "module": _module(draw), "files": files}
        written(1)
    for name, write in TABLES.items():
        text, files = with_files(write, results)
        outputs[paper / "tables" / f"{name}.md"] = text.encode("utf-8")
        sources["tables"][name] = {"module": _module(write), "files": files}
        written(1)
    facts = facts_of(results)
    outputs[paper / "_variables.yml"] = to_yaml(variables(facts)).encode("utf-8")
    met, verdicts = judged(facts)
    outputs[paper / "claims.json"] = to_json(met, verdicts).encode("utf-8")
    said = yaml.safe_dump({"sources": sources}, sort_keys=False, allow_unicode=True, width=96)
    outputs[paper / "_sources.yml"] = f"# Written by memorization.stages.report.\n{said}".encode()
    # Only when all of it is made, so that a mistake leaves the last whole report in place.
    for folder, pattern in (("figures", "*.svg"), ("tables", "*.md")):
        for old in sorted((paper / folder).glob(pattern)):
            if old not in outputs:
                old.unlink()
    for path, content in outputs.items():
        with replacing(path) as place:
            place.write_bytes(content)
    return not_so(verdicts)


def _picture(draw: Callable[[Results], Figure], alt: str, results: Results) -> bytes:
    return svg(lambda: draw(results), alt)


def _module(made_by: Callable[..., object]) -> str:
    """Return the path of a function's module in the repository."""
    return f"src/{made_by.__module__.replace('.', '/')}.py"


def with_files(make: Callable[[Results], T], results: Results) -> tuple[T, list[str]]:
    """Return what is made of the results, and the paths of the files that it rests on, sorted."""
    watched = object.__new__(_Watched)
    # One dictionary for both, so that what is computed once is kept for all.
    object.__setattr__(watched, "__dict__", vars(results))
    object.__setattr__(watched, "noted", set())
    made = make(watched)
    return made, sorted(f"results/{file}" for file in watched.noted)


class _Watched(Results):
    """Results that note which of them are asked for."""

    __slots__ = ("noted",)
    noted: set[str]

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        if name in FILES:
            self.noted.update(FILES[name])
        return _WatchedMetrics(found, self.noted) if name == "metrics" else found


class _WatchedMetrics(dict[str, Any]):
    def __init__(self, metrics: dict[str, Any], noted: set[str]) -> None:
        super().__init__(metrics)
        self.noted = noted

    def __getitem__(self, question: str) -> Any:
        self.noted.add(f"metrics/{question}.json")
        return super().__getitem__(question)
