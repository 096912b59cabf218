"""Where rows of training text are counted: in this process, or by Ray's, here or elsewhere.

A pass over the rows is a task that is done on any of them by itself, and what is found of some is
added to what is found of others. So it does not matter how they are cut, who counts which, or who
is done first: all that is added is whole numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from memorization.cluster import MOST_LOSSES, lost, started

# Tokens that are counted by one process before it tells what it has found: that is as large as the
# tables of the sequences' n-grams, gigabytes for many, whatever the number of tokens.
SHARD = 2**30
# Of fewer, so many shards for each process, that none waits long for the last.
SHARDS = 4

Advance = Callable[[int], object]
# Given rows, uint16 [N, T], returns what is found in them; told how many tokens are done.
Task = Callable[[np.ndarray, Advance], Any]
# Does a task on all rows, and yields what was found, part by part.
Engine = Callable[[Task, np.ndarray, Advance], Iterator[Any]]


def silent(tokens: int) -> None:
    """Tell nobody how many tokens are done."""


def in_this_process(task: Task, windows: np.ndarray, advance: Advance) -> Iterator[Any]:
    """Yield what a task finds in all rows."""
    yield task(windows, advance)


def on_ray(task: Task, windows: np.ndarray, advance: Advance) -> Iterator[Any]:
    """Yield what a task finds in each shard of the rows, as Ray's processes finish them.

    Rows are read by this process alone, a shard for each that is free. One that is lost is
    replaced, and its shard counted again.

    Raises
    ------
    UserError
        If Ray cannot be started, or a shard's process is lost ``MOST_LOSSES`` times.
    """
    ray = started("features.engine")
    room = max(1, int(ray.cluster_resources().get("CPU", 1)))
    n, width = windows.shape
    size = max(1, min(SHARD // width, -(-n // (SHARDS * room))))
    count = ray.remote(num_cpus=1, max_retries=MOST_LOSSES - 1)(_count)
    held, starts = ray.put(task), iter(range(0, max(n, 1), size))
    running: dict[Any, int] = {}

    def begin() -> None:
        for start in starts:
            rows = np.ascontiguousarray(windows[start : start + size])
            running[count.remote(held, rows)] = rows.size
            return

    for _ in range(room):
        begin()
    while running:
        [finished], _ = ray.wait(list(running), num_returns=1)
        tokens = running.pop(finished)
        try:
            found = ray.get(finished)
        except ray.exceptions.RayTaskError as error:
            raise error.cause from None
        except ray.exceptions.RayError as error:
            raise lost(
                "features.engine",
                f"a process was lost {MOST_LOSSES} times at the same rows",
                error,
                "join machines with more, or set features.engine=local",
            ) from None
        begin()
        advance(tokens)
        yield found


def _count(task: Task, rows: np.ndarray) -> Any:
    return task(rows, silent)


# By the name that features.engine has for it.
ENGINES: dict[str, Engine] = {"local": in_this_process, "ray": on_ray}
