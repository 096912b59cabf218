"""The checkpoints that a scan evaluates: on disk, or streamed from the hub, two at a time."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
from transformers import GPTNeoXForCausalLM

from memorization.errors import UserError
from memorization.files import read_json, write_json
from memorization.suite import Suite
from memorization.suite.declared.declaration import PublishedModel
from memorization.suite.hub import CommitNotFound, RevisionNotFound, resolve
from memorization.suite.pythia.checkpoints import configuration, download_checkpoint, load_published
from memorization.suite.pythia.repositories import pin_of

T = TypeVar("T")

# Given steps in order, yields each with its model, on the CPU or wherever it is loaded to.
Models = Callable[[list[int]], Generator[tuple[int, GPTNeoXForCausalLM]]]


def models_on_disk(suite: Suite, target: str) -> Models:
    """Return a source of the checkpoints of a model that are part of a suite."""
    return lambda steps: ((step, suite.load(target, step)) for step in steps)


@dataclass(frozen=True)
class RemoteModels:
    """A source of checkpoints for a scan: the revisions ``stepK`` of a repository.

    Attributes
    ----------
    model : what its checkpoints must be.
    pins : commits to read, by ``owner/name@stepK``.
    work : where checkpoints are kept while in use, and the commits that were read.
    """

    repository: str
    model: PublishedModel
    pins: Mapping[str, str]
    work: Path
    dtype: torch.dtype

    def __call__(self, steps: list[int]) -> Generator[tuple[int, GPTNeoXForCausalLM]]:
        """Yield each step with its model, in evaluation mode, on the CPU."""
        if steps:
            each = f"{self.model.checkpoint_bytes / 1e9:,.2f} GB each, two on disk at most"
            print(f"streaming {len(steps)} checkpoints of {self.repository}, {each}", flush=True)

        def load(folder: Path) -> GPTNeoXForCausalLM:
            model = load_published(folder, self.model, self.dtype)
            self._check(folder.name, configuration(model))
            return model

        return streamed(steps, self._fetch, load, self.work / "checkpoints")

    @property
    def commits(self) -> dict[str, str]:
        """Revision -> commit, of all that were read so far; by step."""
        try:
            read = read_json(self._record)
        except FileNotFoundError:
            return {}
        return dict(sorted(read.items(), key=lambda item: int(item[0].removeprefix("step"))))

    @property
    def _record(self) -> Path:
        return self.work / "commits.json"

    def _check(self, revision: str, found: dict[str, Any]) -> None:
        """Check that a checkpoint is configured as the first that a scan has loaded."""
        first = self.work / "configuration.json"
        if not first.exists():
            write_json({"revision": revision, "configuration": found}, first)
        kept = read_json(first)
        expected = kept["configuration"]
        for name in sorted(found.keys() | expected.keys()):
            if found.get(name) != expected.get(name):
                raise UserError(
                    f"{self.repository}: in config.json of {revision} {name} is {found.get(name)}, "
                    f"in that of {kept['revision']} {expected.get(name)}, but all checkpoints of a "
                    "model are configured alike; pin another commit of the one that is wrong in "
                    "pythia.revisions, or leave it out (labels.exclude)"
                )

    def _fetch(self, step: int, folder: Path) -> None:
        """Download a checkpoint, at the commit that an interrupted run began with, if one did."""
        revision, known = f"step{step}", self.commits
        pin = self.pins.get(pin_of(self.repository, revision))
        try:
            wanted = pin or known.get(revision)
            found = resolve("model", self.repository, revision, wanted, is_quick=False)
        except RevisionNotFound as error:
            name = pin_of(self.repository, revision)
            raise UserError(
                f"{error}; to scan without it, unless it is the last, put it into params.yaml: "
                f"labels.exclude: {{{name}: missing}}"
            ) from None
        except CommitNotFound:
            if pin is not None:
                raise
            raise UserError(
                f"{self.repository}: an interrupted scan began to read {revision} at commit "
                f"{known[revision]}, which the hub no longer has; delete {revision} from "
                f"{self._record} to read the newest commit"
            ) from None
        write_json(known | {revision: found.commit}, self._record)
        download_checkpoint(found, folder)


def precision(name: str, device: torch.device) -> torch.dtype:
    """Return the precision that a published model is evaluated in.

    ``auto`` is float16 on a GPU, in which the published labels were made (``model.half()`` in
    eval_memorization.py of EleutherAI/pythia), and float32 on the CPU, which has no fast float16.

    >>> precision("auto", torch.device("cpu")), precision("bfloat16", torch.device("cpu"))
    (torch.float32, torch.bfloat16)
    """
    if name == "auto":
        return torch.float16 if device.type == "cuda" else torch.float32
    return getattr(torch, name)


def streamed(
    steps: list[int], fetch: Callable[[int, Path], None], load: Callable[[Path], T], folder: Path
) -> Generator[tuple[int, T]]:
    """Yield each step with what was loaded of it; at most two are on disk at any time.

    A step is fetched in the background while the one before is in use, and deleted when the next is
    asked for. What an earlier, interrupted run left of the first two is used; the rest is deleted.
    What ``fetch`` raises is raised here, when its step is asked for.

    Parameters
    ----------
    fetch : puts the files of a step into a folder; called again, it goes on with what is there.
    folder : where the steps are kept meanwhile, each in ``stepK``; made if missing.
    """
    folder.mkdir(parents=True, exist_ok=True)
    wanted = {name for step in steps[:2] for name in (f"step{step}", f"step{step}.partial")}
    for left in folder.iterdir():
        if left.name not in wanted:
            shutil.rmtree(left)
    # Lazily: asking for the next begins to fetch it.
    fetches = (_in_background(step, fetch, folder / f"step{step}") for step in steps)
    coming = next(fetches, None)
    while coming is not None:
        step, place = coming.result()
        coming = next(fetches, None)
        yield step, load(place)
        shutil.rmtree(place)


def _in_background(
    step: int, fetch: Callable[[int, Path], None], place: Path
) -> Future[tuple[int, Path]]:
    """Begin to fetch a step; by a daemon, so that an interrupted program need not wait for it."""
    fetched: Future[tuple[int, Path]] = Future()

    def run() -> None:
        try:
            if not place.exists():
                partial = place.with_name(place.name + ".partial")
                partial.mkdir(exist_ok=True)
                fetch(step, partial)
                partial.replace(place)
            fetched.set_result((step, place))
        except OSError as error:
            message = (
                f"{place}: cannot be written ({error.strerror or error}); two checkpoints must "
                "fit; what is evaluated is kept: make room and run the same command again"
            )
            fetched.set_exception(UserError(message))
        except BaseException as error:  # raised again in the thread that waits for the step
            fetched.set_exception(error)

    threading.Thread(target=run, name=f"fetch step{step}", daemon=True).start()
    return fetched
