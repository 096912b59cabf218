"""Which files of the results a figure or table is made from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from memorization.report.results import PREDICTIONS, Results

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
