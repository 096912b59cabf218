"""Checkpoints of a published model, streamed from the hub."""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from transformers import GPTNeoXForCausalLM

from memorization.errors import UserError
from memorization.files import replacing
from memorization.labels.stream import streamed
from memorization.suite.hub import CommitNotFound, resolve
from memorization.suite.pythia.checkpoints import download_checkpoint, load_published
from memorization.suite.pythia.facts import PublishedModel
from memorization.suite.pythia.repositories import pin_of


@dataclass(frozen=True)
class RemoteModels:
    """A source of checkpoints for a scan: the revisions ``stepK`` of a repository.

    Attributes
    ----------
    repository : ``owner/name`` of the model.
    model : what its checkpoints must be.
    pins : commits to read, by ``owner/name@stepK``.
    work : where checkpoints are kept while in use, and the commits that were read.
    dtype : of the weights.
    """

    repository: str
    model: PublishedModel
    pins: Mapping[str, str]
    work: Path
    dtype: torch.dtype

    def __call__(self, steps: list[int]) -> Generator[tuple[int, GPTNeoXForCausalLM]]:
        """Yield each step with its model, in evaluation mode, on the CPU."""
        if steps:
            each = self.model.checkpoint_bytes / 1e9
            print(
                f"streaming {len(steps)} checkpoints of {self.repository}, {each:,.2f} GB each, "
                "two on disk at most",
                flush=True,
            )
        return streamed(
            steps,
            self._fetch,
            lambda folder: load_published(folder, self.model, self.dtype),
            self.work / "checkpoints",
        )

    @property
    def commits(self) -> dict[str, str]:
        """Revision -> commit, of all that were read so far; by step."""
        try:
            read = json.loads(self._record.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        return {f"step{step}": read[f"step{step}"] for step in sorted(int(r[4:]) for r in read)}

    @property
    def _record(self) -> Path:
        return self.work / "commits.json"

    def _fetch(self, step: int, folder: Path) -> None:
        """Download a checkpoint, at the commit that an interrupted run began with, if one did."""
        revision, known = f"step{step}", self.commits
        pin = self.pins.get(pin_of(self.repository, revision))
        try:
            found = resolve("model", self.repository, revision, pin or known.get(revision))
        except CommitNotFound:
            if pin is not None:
                raise
            raise UserError(
                f"{self.repository}: an interrupted scan began to read {revision} at commit "
                f"{known[revision]}, which the hub no longer has; delete {revision} from "
                f"{self._record} to read the newest commit"
            ) from None
        with replacing(self._record) as partial:
            partial.write_text(json.dumps(known | {revision: found.commit}), encoding="utf-8")
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
