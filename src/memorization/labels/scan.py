"""The scan: every sequence of the sample at every chosen checkpoint of the target.

At the last one it is also told how narrowly each label is decided.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import GPTNeoXForCausalLM

from memorization.errors import UserError
from memorization.extraction.batches import Batch
from memorization.extraction.margins import flips
from memorization.extraction.score import memorized, score
from memorization.files import replacing
from memorization.labels.checkpoints import Models
from memorization.labels.trajectories import UNKNOWN, Trajectories
from memorization.progress import progress
from memorization.protocol import CONTINUATION

# Kept beside the checkpoints that are finished.
MARGINS_FILE = "margins.npz"


def scan(
    index: np.ndarray,
    tokens: np.ndarray,
    steps: tuple[int, ...],
    models: Models,
    batch: Batch,
    work: Path,
    device: torch.device,
    *,
    compiled: bool = False,
    end_of_text: bool = True,
    at_end: Callable[[np.ndarray], Any] = lambda match_length: None,
    margins: bool = False,
    job: str = "scanning",
) -> Trajectories:
    """Return match lengths and log-probabilities at checkpoints.

    The last checkpoint is evaluated first, so that one soon knows what comes out at the end. A
    checkpoint that an interrupted run finished is read from ``work`` instead.

    Parameters
    ----------
    index, tokens : int64 [n] and int [n, 64].
    steps : ascending.
    batch, compiled, end_of_text : as for `score`.
    work : folder for the finished checkpoints, made if missing.
    at_end : told the match lengths at the last checkpoint as soon as they are known.
    margins : whether to examine the labels of the last checkpoint, for `read_margins`.
    job : what the progress is named.

    Raises
    ------
    UserError
        If a checkpoint cannot be had or gives logits that are not finite, or a result cannot be
        written; finished ones stay.
    """
    work.mkdir(parents=True, exist_ok=True)
    ordered = [steps[-1], *steps[:-1]]
    todo = [step for step in ordered if not _is_done(work, step, margins and step == steps[-1])]
    done = len(steps) - len(todo)
    if steps[-1] not in todo:
        at_end(_read(work, steps[-1])[0])
    with (
        progress(job, len(steps) * len(tokens), "sequences", done * len(tokens)) as advance,
        closing(models(todo)) as source,
    ):
        placed = None
        for step, model in source:
            placed = _placed(model, placed, device)
            del model  # or two would be in memory while the next is loaded
            match_length, logprob = score(placed, tokens, batch, advance, compiled, end_of_text)
            if margins and step == steps[-1]:
                at_last = match_length == CONTINUATION
                found = flips(placed, tokens, at_last, batch, end_of_text)
                _write(work / MARGINS_FILE, **found)
            _write(_file(work, step), match_length=match_length, continuation_logprob=logprob)
            if step == steps[-1]:
                at_end(match_length)
            if device.type == "cpu" and not compiled:
                placed = None
    match_length, logprob = (
        np.stack(columns, axis=1)
        for columns in zip(*(_read(work, step) for step in steps), strict=True)
    )
    observed = np.ones(match_length.shape, bool)
    return Trajectories(index, np.array(steps), match_length, logprob, observed)


def scan_states(
    tokens: np.ndarray,
    steps: tuple[int, ...],
    models: Models,
    batch: Batch,
    work: Path,
    device: torch.device,
    job: str = "scanning",
) -> tuple[np.ndarray, np.ndarray]:
    """Return how far sequences get at the end, and whether they are memorized before it.

    Before the end only that is decided, which takes a fraction of the time of a whole pass. The
    labels at the end are examined, for `read_margins`.

    Parameters
    ----------
    tokens, steps, models, batch, work, device, job : as for `scan`.

    Returns
    -------
    match_length : int8 [n, c]; at the last checkpoint 0…32, before it 32 where memorized, else -1.
    continuation_logprob : float32 [n], at the last checkpoint.
    """
    work.mkdir(parents=True, exist_ok=True)
    todo = [step for step in reversed(steps) if not _is_done(work, step, step == steps[-1])]
    done = len(steps) - len(todo)
    with (
        progress(job, len(steps) * len(tokens), "sequences", done * len(tokens)) as advance,
        closing(models(todo)) as source,
    ):
        for step, model in source:
            placed = model.to(device)  # type: ignore[arg-type]
            if step == steps[-1]:
                match_length, logprob = score(placed, tokens, batch, advance)
                found = flips(placed, tokens, match_length == CONTINUATION, batch)
                _write(work / MARGINS_FILE, **found)
            else:
                state = memorized(placed, tokens, batch, advance)
                match_length = np.where(state, CONTINUATION, UNKNOWN).astype(np.int8)
                logprob = np.full(len(tokens), np.nan, np.float32)
            _write(_file(work, step), match_length=match_length, continuation_logprob=logprob)
    read = [_read(work, step) for step in steps]
    return np.stack([match_length for match_length, _ in read], axis=1), read[-1][1]


def _placed(
    model: GPTNeoXForCausalLM, placed: GPTNeoXForCausalLM | None, device: torch.device
) -> GPTNeoXForCausalLM:
    """Return the model on the device; in the place of the one before where there is one.

    There its compiled graphs stay valid, and memory of the device need not hold both.
    """
    if placed is None:
        return model.to(device)  # type: ignore[arg-type]
    placed.load_state_dict(model.state_dict())
    placed.name_or_path = model.name_or_path
    return placed


def _file(work: Path, step: int) -> Path:
    return work / f"step{step}.npz"


def _is_done(work: Path, step: int, margins: bool) -> bool:
    return _file(work, step).exists() and (not margins or (work / MARGINS_FILE).exists())


def read_margins(work: Path) -> dict[str, np.ndarray]:
    """Return what `flips` found at the last checkpoint, of the sequences that were scanned."""
    with np.load(work / MARGINS_FILE) as saved:
        return dict(saved)


def _write(path: Path, **arrays: np.ndarray) -> None:
    try:
        with replacing(path) as partial, partial.open("wb") as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]
    except OSError as error:
        raise UserError(
            f"{path}: cannot be written ({error.strerror or error}); make room and run the same "
            "command again, it goes on with this checkpoint"
        ) from None


def _read(work: Path, step: int) -> tuple[np.ndarray, np.ndarray]:
    with np.load(_file(work, step)) as saved:
        return saved["match_length"], saved["continuation_logprob"]
