"""kill -9: at random moments, and at every operation on a file, of a miniature pipeline."""

from __future__ import annotations

import importlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from faults.injected.trial import Trial, contents, run
from pipeline import conftest as pipeline

from memorization.params import read_yaml
from memorization.stages import run_stage
from memorization.suite.micro import make

pipeline.PARTS = ("licences/",)  # of the corpus: enough for so little training
STAGES = ("suite", "sequences", "labels", "features", "split")
OPERATIONS = {
    "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.truncate",
}  # fmt: skip
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC


def smaller_still() -> dict:
    """Return the tests' miniature with less training: what is written matters, not what it says."""
    params = read_yaml(pipeline.MINIATURE)
    shape = {"hidden": 16, "layers": 1, "heads": 2}
    params["suite"] |= {"models": {"micro-tiny": shape, "micro-base": shape | {"hidden": 32}}}
    params["suite"] |= {"checkpoints": 4}
    params["suite"]["training"] |= {"steps": 24, "sequences_per_step": 4}
    params["arm"] |= {"blocks": 1, "doses": [0, 2, 4], "contrast_dose": 2}
    params["sequences"] |= {"followed": dict.fromkeys(params["sequences"]["followed"], 10)}
    params["sequences"] |= {"census": 2}
    return params


def stage(name: str) -> None:
    """Run a stage as the pipeline does, by itself."""
    run_stage(importlib.import_module(f"memorization.stages.{name}").main)


@dataclass(frozen=True)
class Miniature:
    """An undisturbed run of the stages.

    Attributes
    ----------
    before : stage -> folder as it is when the stage begins; of the suite, with one of another seed.
    after : stage -> the contents that it leaves.
    seconds : stage -> how long it takes.
    """

    before: dict[str, Path]
    after: dict[str, dict[str, bytes]]
    seconds: dict[str, float]

    @property
    def finished(self) -> Path:
        """The folder with the results of all stages."""
        return self.before["end"]


def make_miniature(place: Path) -> Miniature:
    """Run the stages one after the other, in a folder."""
    now = place / "first"
    corpus = now / "data/corpus.tar.xz"
    corpus.parent.mkdir(parents=True)
    shutil.copyfile(pipeline.ROOT / "corpus/corpus.tar.xz", corpus)
    pipeline._shrink(corpus)
    params, path = smaller_still(), now / "params.yaml"
    path.write_text(json.dumps(params | {"seed": 1}))
    _whole(now, "suite")
    path.write_text(json.dumps(params))
    _warm(now, place)
    before, after, seconds = {}, {}, {}
    for name, following in zip(STAGES, (*STAGES[1:], "end"), strict=True):
        before[name], now = now, shutil.copytree(now, place / following)
        start = time.monotonic()
        _whole(now, name)
        seconds[name], after[name] = time.monotonic() - start, contents(now)
    return Miniature(before | {"end": now}, after, seconds)


def _warm(folder: Path, place: Path) -> None:
    """Run the stages here as well, so that forks find what libraries load and compile.

    All but training: PyTorch lets no fork of a process train that has trained.
    """
    made, here, train = folder / "results/suite", Path.cwd(), make.train
    spare = shutil.copytree(folder, place / "warm")
    shutil.rmtree(spare / "results")
    os.chdir(spare)
    make.train = lambda model, windows, training, steps, into, device: shutil.copytree(
        made / into.name, into
    )
    torch.set_num_threads(1)
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        for name in STAGES:
            importlib.import_module(f"memorization.stages.{name}").main()
    make.train = train
    os.chdir(here)


def _whole(folder: Path, name: str) -> None:
    ended = run(lambda: stage(name), folder)
    assert ended.code == 0, ended.said


def at_moments(made: Miniature, n: int, rng: np.random.Generator) -> list[Trial]:
    """Return kills of stages at moments that are drawn from the whole of their time."""
    ends = np.cumsum([made.seconds[name] for name in STAGES])
    trials = []
    for moment in rng.uniform(0, ends[-1], n):
        place = int(np.searchsorted(ends, moment))
        name, after = STAGES[place], float(moment - np.append(0, ends)[place])
        trials.append(_trial(made, "kill -9 of a stage, at random moments", name, after))
    return trials


def _trial(made: Miniature, kind: str, name: str, after: float) -> Trial:
    return Trial(
        kind,
        f"{name} after {after:.2f} s",
        made.before[name],
        lambda: stage(name),
        made.after[name],
        kill_after=after,
    )


def at_operations(made: Miniature) -> list[Trial]:
    """Return kills at every file operation that Python does for the stages, one by one."""
    trials = []
    for name in STAGES:
        folder = shutil.copytree(made.before[name], made.finished.with_name(f"count-{name}"))
        ended = run(lambda name=name: stage(name), folder, disturb=_count)
        assert ended.code == 0, ended.said
        for operation in range(int((folder / ".home/count").read_text())):
            trials.append(
                Trial(
                    "kill -9 of a stage, at every file operation",
                    f"{name}, operation {operation + 1}",
                    made.before[name],
                    lambda name=name: stage(name),
                    made.after[name],
                    disturb=lambda operation=operation: _kill_at(operation),
                )
            )
    return trials


def _operations(act: Callable[[str, object], object]) -> None:
    """Call a function before each operation that changes a file here: with its name and path."""
    here, busy = Path.cwd(), False

    def hook(event: str, arguments: tuple) -> None:
        nonlocal busy
        changes = event in OPERATIONS or (event == "open" and arguments[2] & WRITING)
        if busy or not changes:
            return
        path = arguments[0]
        if isinstance(path, int) or (here / os.fsdecode(path)).is_relative_to(here):
            busy = True
            act(event, path)
            busy = False

    sys.addaudithook(hook)


def _count() -> None:
    counted = 0
    note = Path(".home/count")
    note.parent.mkdir(exist_ok=True)

    def count(event: str, path: object) -> None:
        nonlocal counted
        counted += 1
        note.write_text(str(counted))

    _operations(count)


def _kill_at(operation: int) -> None:
    left = operation

    def count(event: str, path: object) -> None:
        nonlocal left
        if left == 0:
            if event == "open" and not isinstance(path, int):
                Path(os.fsdecode(path)).write_bytes(b"torn")  # as if killed while it writes
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1

    _operations(count)


def repository(place: Path) -> Path:
    """Return a git repository with the code, the miniature and the corpus imported by DVC."""
    study = pipeline.copy_repository(place / "repository")
    Path(study.folder, "params.yaml").write_text(json.dumps(smaller_still()))
    return study.folder


def reproduce() -> None:
    """Run the first two stages as a user does."""
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    }
    sys.exit(subprocess.call(["dvc", "repro", "sequences"], env=environment))


def of_dvc(start: Path, place: Path, n: int, rng: np.random.Generator) -> list[Trial]:
    """Return kills of ``dvc repro`` and all that it has started, at random moments."""
    whole = shutil.copytree(start, place / "whole", symlinks=True)
    begun = time.monotonic()
    ended = run(reproduce, whole)
    assert ended.code == 0, ended.said
    seconds, expected = time.monotonic() - begun, contents(whole)
    return [
        Trial(
            "kill -9 of `dvc repro` and all it started, at random moments",
            f"after {moment:.1f} s",
            start,
            reproduce,
            expected,
            kill_after=float(moment),
        )
        for moment in rng.uniform(0, seconds, n)
    ]
