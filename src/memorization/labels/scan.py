"""The scan: every sequence of the sample at every checkpoint of the target."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from memorization.labels.extraction import score
from memorization.progress import progress
from memorization.suite import Suite


def scan(
    suite: Suite, target: str, tokens: np.ndarray, batch: int, work: Path, device: torch.device
) -> tuple[np.ndarray, np.ndarray]:
    """Return match lengths and log-probabilities at every checkpoint.

    A checkpoint that an interrupted run finished is read from ``work`` instead.

    Parameters
    ----------
    tokens : int [n, 64].
    batch : sequences a forward pass.
    work : folder for the finished checkpoints, made if missing.

    Returns
    -------
    match_length : int8 [n, c], 0…32.
    continuation_logprob : float32 [n, c], nats.
    """
    work.mkdir(parents=True, exist_ok=True)
    match_length = np.empty((len(tokens), len(suite.steps)), np.int8)
    logprob = np.empty(match_length.shape, np.float32)
    done = [step for step in suite.steps if _file(work, step).exists()]
    with progress(
        f"scanning {target}",
        match_length.size,
        "sequences",
        len(done) * len(tokens),
    ) as advance:
        for column, step in enumerate(suite.steps):
            if step not in done:
                model = suite.load(target, step).to(device)  # type: ignore[arg-type]
                _write(_file(work, step), *score(model, tokens, batch, advance))
            with np.load(_file(work, step)) as saved:
                match_length[:, column] = saved["match_length"]
                logprob[:, column] = saved["continuation_logprob"]
    return match_length, logprob


def _file(work: Path, step: int) -> Path:
    return work / f"step{step}.npz"


def _write(path: Path, match_length: np.ndarray, logprob: np.ndarray) -> None:
    partial = path.with_suffix(".partial")
    with partial.open("wb") as file:
        np.savez(file, match_length=match_length, continuation_logprob=logprob)
    partial.replace(path)
