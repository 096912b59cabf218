"""A progress bar with rate and time left; plain lines, ten a job, when not on a terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn


@contextmanager
def progress(job: str, total: int, unit: str, done: int = 0) -> Iterator[Callable[[int], None]]:
    """Yield a function that is told how many more units are done.

    Parameters
    ----------
    job : what is being done.
    total : units in the whole job.
    unit : plural name of the unit.
    done : units finished by an earlier, interrupted run.
    """
    if done:
        print(f"{job}: going on from {done:,} of {total:,} {unit}", flush=True)
    console = Console(stderr=True)
    with (
        _bar(job, total, unit, done, console)
        if console.is_terminal
        else _lines(job, total, unit, done) as advance
    ):
        yield advance


@contextmanager
def _bar(
    job: str, total: int, unit: str, done: int, console: Console
) -> Iterator[Callable[[int], None]]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(show_speed=False),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as bar:
        task = bar.add_task(job, total=total, completed=done, rate="")
        rate = _Rate(total, unit, done)

        def advance(units: int) -> None:
            rate.advance(units)
            bar.update(task, advance=units, rate=rate.text())

        yield advance


@contextmanager
def _lines(job: str, total: int, unit: str, done: int) -> Iterator[Callable[[int], None]]:
    rate = _Rate(total, unit, done)

    def advance(units: int) -> None:
        before = rate.done * 10 // total
        rate.advance(units)
        if rate.done * 10 // total > before:
            percent = 100 * rate.done // total
            print(f"{job}: {percent} %, {rate.text()}, {rate.left():.0f} s left", flush=True)

    yield advance
    sys.stdout.flush()


class _Rate:
    def __init__(self, total: int, unit: str, done: int) -> None:
        self.total, self.unit, self.done, self.before = total, unit, done, done
        self.start = time.perf_counter()

    def advance(self, units: int) -> None:
        self.done += units

    def per_second(self) -> float:
        return (self.done - self.before) / max(time.perf_counter() - self.start, 1e-9)

    def text(self) -> str:
        """Return the rate, of slow work by the minute.

        >>> rate = _Rate(10, "models", 0)
        >>> rate.advance(2)
        >>> rate.start -= 60
        >>> rate.text()
        '2.0 models/min'
        """
        rate = self.per_second()
        fast = rate >= 10
        return f"{rate:,.0f} {self.unit}/s" if fast else f"{60 * rate:,.1f} {self.unit}/min"

    def left(self) -> float:
        return (self.total - self.done) / max(self.per_second(), 1e-9)
