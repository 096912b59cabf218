"""Models that are too many for the disk: each fetched while the one before is in use."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Generator
from pathlib import Path
from typing import TypeVar

from memorization.errors import UserError

T = TypeVar("T")


def streamed(
    steps: list[int],
    fetch: Callable[[int, Path], None],
    load: Callable[[Path], T],
    folder: Path,
) -> Generator[tuple[int, T]]:
    """Yield each step with what was loaded of it; at most two are on disk at any time.

    A step is fetched in the background while the one before is in use, and deleted when the next is
    asked for. What an earlier, interrupted run left of the first two is used; the rest is deleted.

    Parameters
    ----------
    steps : in the order wanted.
    fetch : puts the files of a step into a folder; called again, it goes on with what is there.
    load : what to make of the folder.
    folder : where the steps are kept meanwhile, each in ``stepK``; made if missing.

    Raises
    ------
    UserError
        What ``fetch`` or ``load`` raise; what was loaded before has been in use by then.
    """
    folder.mkdir(parents=True, exist_ok=True)
    wanted = {name for step in steps[:2] for name in (f"step{step}", f"step{step}.partial")}
    for left in folder.iterdir():
        if left.name not in wanted:
            shutil.rmtree(left)
    fetches = [_Fetch(step, fetch, folder / f"step{step}") for step in steps]
    for number, (step, coming) in enumerate(zip(steps, fetches, strict=True)):
        if number == 0:
            coming.start()
        place = coming.result()
        for following in fetches[number + 1 : number + 2]:
            following.start()
        yield step, load(place)
        shutil.rmtree(place)


class _Fetch(threading.Thread):
    """Fetches one step; a daemon, so that an interrupted program need not wait for it."""

    def __init__(self, step: int, fetch: Callable[[int, Path], None], place: Path) -> None:
        super().__init__(name=f"fetch step{step}", daemon=True)
        self.step, self.fetch, self.place = step, fetch, place
        self.error: Exception | None = None

    def run(self) -> None:
        try:
            if not self.place.exists():
                partial = self.place.with_name(self.place.name + ".partial")
                partial.mkdir(exist_ok=True)
                self.fetch(self.step, partial)
                partial.replace(self.place)
        except Exception as error:  # raised again in the thread that waits for the step
            self.error = error

    def result(self) -> Path:
        """Wait until the step is there; return its folder."""
        self.join()
        if isinstance(self.error, OSError):
            raise UserError(
                f"{self.place}: cannot be written ({self.error.strerror or self.error}); two "
                "checkpoints must fit; what is evaluated is kept: make room and run the same "
                "command again"
            ) from None
        if self.error is not None:
            raise self.error
        return self.place
