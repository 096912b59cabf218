"""One fault, and the one rule by which its end is judged."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

# Seconds after which a command hangs.
LONGEST = 900
# Work in progress, the hub's cache, and what DVC and git keep for themselves: no results.
APART = {".partial", ".home", ".dvc", ".git", "__pycache__"}
SAID = "said.txt"
Outcome = Literal["right", "wrong", "silent"]


@dataclass(frozen=True)
class Trial:
    """A fault, and what it is injected into.

    Attributes
    ----------
    kind, name : a row of the table, and this fault among those of its row.
    start : folder that is copied; the command works in the copy.
    command : what is run, in a process of its own, in that folder.
    expected : what an undisturbed run leaves, as `contents`.
    damage : done to the copy beforehand; mended before the command runs again.
    disturb : called in the command's process before it, and not when it runs again.
    kill_after : seconds after which its process group is killed; None: it is not.
    words : what a refusal must name.
    """

    kind: str
    name: str
    start: Path
    command: Callable[[], object]
    expected: dict[str, bytes]
    damage: Callable[[Path], object] = lambda folder: None
    disturb: Callable[[], object] = lambda: None
    kill_after: float | None = None
    words: tuple[str, ...] = ()


@dataclass(frozen=True)
class Ended:
    """How a process ended: its exit code, negative for a signal, and all that it said."""

    code: int
    said: str

    @property
    def was_killed(self) -> bool:
        return self.code == -signal.SIGKILL

    @property
    def complaint(self) -> str:
        """Why this is no refusal as it should be; nothing: it is."""
        lines = self.said.strip().splitlines()
        errors = [line for line in lines if line.startswith("error: ")]
        if "Traceback" in self.said:
            return f"a traceback: {lines[-1]}"
        if self.code < 0:
            return f"ended by signal {-self.code}, or hung"
        return "" if len(errors) == 1 and lines[-1] == errors[0] else "not one line 'error: ...'"


@dataclass(frozen=True)
class Verdict:
    """What a trial came to; `why` says what was not right."""

    kind: str
    name: str
    outcome: Outcome
    why: str = ""


def contents(folder: Path, apart: Collection[str] = APART) -> dict[str, bytes]:
    """Return each file of a folder by its name from there, what is no result apart."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not set(apart) & set(path.relative_to(folder).parts)
    }


def run(
    command: Callable[[], object],
    folder: Path,
    disturb: Callable[[], object] = lambda: None,
    kill_after: float | None = None,
) -> Ended:
    """Run a command in a folder, in a process group of its own, and return how it ended.

    The process is a fork of this one, which has imported the libraries: that takes seconds.
    """
    said = folder.with_name(SAID)

    def main() -> None:
        os.setsid()
        os.chdir(folder)
        handle = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        for stream in (1, 2):
            os.dup2(handle, stream)
        sys.stdout, sys.stderr = (os.fdopen(stream, "w", buffering=1) for stream in (1, 2))
        disturb()
        command()

    process = get_context("fork").Process(target=main)
    process.start()
    process.join(LONGEST if kill_after is None else kill_after)
    if process.is_alive():
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:  # it had no group of its own yet
            process.kill()
        process.join()
        _buried(process.pid)
        if kill_after is None:
            return Ended(-signal.SIGALRM, said.read_text(errors="replace"))
    return Ended(process.exitcode, said.read_text(errors="replace") if said.exists() else "")


def _buried(group: int) -> None:
    """Wait until nothing is left of a process group that was killed.

    What the process had started is a zombie until the machine's first process takes notice, and to
    DVC a zombie holds its lock.
    """
    patience = time.monotonic() + 60
    with suppress(ProcessLookupError):
        while time.monotonic() < patience:
            os.killpg(group, 0)
            time.sleep(0.05)


def judge(trial: Trial) -> Verdict:
    """Inject a fault and return what it came to.

    Right: the run ended well, with what an undisturbed run leaves; or with one line that says what
    is wrong, nothing of what was there changed, and the same command, once the fault is mended,
    leaves what an undisturbed run does. After a kill only the last is asked. Silent: it ended well
    with other results. Wrong: all else.
    """

    def found(outcome: Outcome, why: str = "") -> Verdict:
        return Verdict(trial.kind, trial.name, outcome, why)

    with TemporaryDirectory(prefix="fault-") as place:
        folder = Path(place, "folder")
        shutil.copytree(trial.start, folder, symlinks=True)
        good = contents(folder)
        trial.damage(folder)
        before = contents(folder)
        ended = run(trial.command, folder, trial.disturb, trial.kill_after)
        after = contents(folder)
        if ended.code == 0 and trial.kill_after is not None:  # it was faster than before
            return judge(replace(trial, kill_after=0.7 * trial.kill_after))
        if ended.code == 0:
            damaged = _differing(good, before)
            return _same(found, after, trial.expected, "exit code 0", apart=damaged)
        if not ended.was_killed:
            if ended.complaint:
                return found("wrong", f"{ended.complaint}; it said: {ended.said[-2000:]}")
            if missing := [word for word in trial.words if word not in ended.said]:
                return found("wrong", f"does not name {missing}: {ended.said[-500:]}")
            if changed := _differing(before, after):
                return found("wrong", f"refused, but changed {changed}")
        for name in _differing(good, before):
            Path(folder, name).unlink(missing_ok=True)
            if name in good:
                Path(folder, name).write_bytes(good[name])
        if not ended.was_killed and contents(folder, ()) == contents(trial.start, ()):
            return found("right")  # to the last byte what an undisturbed run begins with
        again = run(trial.command, folder)
        if again.code:
            return found("wrong", f"run again, it ended with {again.code}: {again.said[-2000:]}")
        return _same(found, contents(folder), trial.expected, "run again")


def _same(
    found: Callable[..., Verdict],
    after: dict[str, bytes],
    expected: dict[str, bytes],
    when: str,
    apart: Collection[str] = (),
) -> Verdict:
    """Return whether a folder holds what is expected, some files apart."""
    if differing := [name for name in _differing(after, expected) if name not in apart]:
        return found("silent", f"{when}: other than undisturbed: {differing[:5]}")
    return found("right")


def _differing(one: dict[str, bytes], other: dict[str, bytes]) -> list[str]:
    return sorted(name for name in one | other if one.get(name) != other.get(name))
