"""Independent pieces of work side by side, in processes of one thread each.

Threads share one interpreter, and models of a few thousand rows leave little to the threads of
their libraries: processes are what fills several cores. What a piece returns depends on nothing
but its arguments, so the results are the same however many there are.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import Any, TypeVar

from threadpoolctl import threadpool_limits

Item = TypeVar("Item")
Result = TypeVar("Result")

# Of a worker: what all of its work has in common, sent to it once.
_function: Callable[..., Any]
_common: tuple[Any, ...]


def side_by_side(
    function: Callable[..., Result],
    items: Sequence[Item],
    *common: Any,
    processes: int = 1,
    advance: Callable[[int], object] = lambda done: None,
) -> list[Result]:
    """Return ``function(item, *common)`` of each item, in their order.

    >>> side_by_side(pow, [1, 2, 3], 2)
    [1, 4, 9]

    Parameters
    ----------
    function : of a module, so that another process finds it; its errors are raised here.
    items, common : can be pickled.
    processes : to use at most; with 1 all is done in this one.
    advance : told ``1`` after each item.
    """
    processes = min(processes, len(items))
    if processes < 2:
        found = []
        for item in items:
            found.append(function(item, *common))
            advance(1)
        return found
    with ProcessPoolExecutor(
        processes,
        # A fork would take over the locks of threads that it does not take over.
        multiprocessing.get_context("spawn"),
        _begin,
        (function, common),
    ) as pool:
        # From the last on: models come from the smallest tier to the largest, and what takes
        # longest should not be left over for one process alone.
        futures = [pool.submit(_work, item) for item in reversed(items)][::-1]
        try:
            for future in as_completed(futures):
                future.result()
                advance(1)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
        return [future.result() for future in futures]


def _begin(function: Callable[..., Any], common: tuple[Any, ...]) -> None:
    global _function, _common
    _function, _common = function, common
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """End when the parent has ended, though it was killed and could not say so."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _work(item: Any) -> Any:
    with threadpool_limits(1):
        return _function(item, *_common)
