"""The scan: every sequence of the sample at every chosen checkpoint of the target.

At the last one it is also told how narrowly each label is decided.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial
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
from memorization.labels.engine import ENGINES, Advance, Found, Task, Unit, Work, shards_of
from memorization.labels.trajectories import UNKNOWN, Trajectories
from memorization.progress import progress
from memorization.protocol import CONTINUATION

# Kept beside the checkpoints that are finished.
MARGINS_FILE = "margins.npz"
# What is found at a checkpoint; at the last one, what `flips` finds as well.
SCORES = ("match_length", "continuation_logprob")


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
    engine: str = "local",
) -> Trajectories:
    """Return match lengths and log-probabilities at checkpoints.

    The last checkpoint is evaluated first, so that one soon knows what comes out at the end. What
    an interrupted run finished, a checkpoint on a shard of the sequences, is read from ``work``
    instead.

    Parameters
    ----------
    index, tokens : int64 [n] and int [n, 64].
    steps : ascending.
    batch, compiled, end_of_text : as for `score`.
    work : folder for the finished units, made if missing.
    at_end : told the match lengths at the last checkpoint as soon as they are known.
    margins : whether to examine the labels of the last checkpoint, for `read_margins`.
    job : what the progress is named.
    engine : where checkpoints are evaluated, a name of `ENGINES`; the result is the same.

    Raises
    ------
    UserError
        If a checkpoint cannot be had or gives logits that are not finite, or a result cannot be
        written, or workers cannot be had; finished units stay.
    """

    def task(step: int) -> Task:
        return partial(
            _scored,
            batch=batch,
            compiled=compiled,
            end_of_text=end_of_text,
            margins=margins and step == steps[-1],
        )

    found = _evaluated(
        tokens,
        (steps[-1], *steps[:-1]),
        models,
        task,
        batch,
        work,
        device,
        compiled=compiled,
        told=lambda at_last: at_end(at_last["match_length"]),
        job=job,
        engine=engine,
    )
    if margins:
        _keep_margins(work, found[steps[-1]])
    match_length, logprob = (
        np.stack([found[step][name] for step in steps], axis=1) for name in SCORES
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
    engine: str = "local",
) -> tuple[np.ndarray, np.ndarray]:
    """Return how far sequences get at the end, and whether they are memorized before it.

    Before the end only that is decided, which takes a fraction of the time of a whole pass. The
    labels at the end are examined, for `read_margins`.

    Parameters
    ----------
    tokens, steps, models, batch, work, device, job, engine : as for `scan`.

    Returns
    -------
    match_length : int8 [n, c]; at the last checkpoint 0…32, before it 32 where memorized, else -1.
    continuation_logprob : float32 [n], at the last checkpoint.
    """

    def task(step: int) -> Task:
        if step == steps[-1]:
            return partial(_scored, batch=batch, margins=True)
        return partial(_decided, batch=batch)

    found = _evaluated(
        tokens, steps[::-1], models, task, batch, work, device, job=job, engine=engine
    )
    _keep_margins(work, found[steps[-1]])
    match_length = np.stack([found[step]["match_length"] for step in steps], axis=1)
    return match_length, found[steps[-1]]["continuation_logprob"]


def _scored(
    model: GPTNeoXForCausalLM,
    tokens: np.ndarray,
    advance: Advance,
    batch: Batch,
    compiled: bool = False,
    end_of_text: bool = True,
    margins: bool = False,
) -> Found:
    match_length, logprob = score(model, tokens, batch, advance, compiled, end_of_text)
    found = {"match_length": match_length, "continuation_logprob": logprob}
    if margins:
        found |= flips(model, tokens, match_length == CONTINUATION, batch, end_of_text)
    return found


def _decided(
    model: GPTNeoXForCausalLM, tokens: np.ndarray, advance: Advance, batch: Batch
) -> Found:
    state = memorized(model, tokens, batch, advance)
    return {"match_length": np.where(state, CONTINUATION, UNKNOWN).astype(np.int8)}


def _evaluated(
    tokens: np.ndarray,
    ordered: Sequence[int],
    models: Models,
    task: Callable[[int], Task],
    batch: Batch,
    work: Path,
    device: torch.device,
    *,
    compiled: bool = False,
    told: Callable[[Found], Any] = lambda found: None,
    job: str,
    engine: str,
) -> dict[int, Found]:
    """Return what a task finds at each step, in the order of rows; what is done is not repeated.

    Parameters
    ----------
    ordered : the steps as they are to be evaluated.
    told : told what is found at the first of them, as soon as it is.
    """
    work.mkdir(parents=True, exist_ok=True)
    shards = shards_of(tokens, batch)
    units = [Unit(step, shard) for step in ordered for shard in range(len(shards))]
    todo = [unit for unit in units if not _file(work, unit).exists()]
    left = Counter(unit.step for unit in todo)
    to_do = sum(len(shards[unit.shard]) for unit in todo)
    total = len(ordered) * len(tokens)
    if not left[ordered[0]]:
        told(_read(work, ordered[0], shards))
    in_place = compiled or device.type != "cpu"
    wanted = Work(todo, models, task, tokens, shards, device, in_place)
    with (
        progress(job, total, "sequences", total - to_do) as advance,
        closing(ENGINES[engine](wanted, advance)) as done,
    ):
        for unit, found in done:
            _write(_file(work, unit), **found)
            left[unit.step] -= 1
            if unit.step == ordered[0] and not left[unit.step]:
                told(_read(work, unit.step, shards))
    return {step: _read(work, step, shards) for step in ordered}


def _file(work: Path, unit: Unit) -> Path:
    return work / f"step{unit.step}-{unit.shard}.npz"


def _read(work: Path, step: int, shards: Sequence[np.ndarray]) -> Found:
    """Return what was found at a step; arrays of a shard's rows are put together."""
    parts = []
    for shard in range(len(shards)):
        with np.load(_file(work, Unit(step, shard))) as saved:
            parts.append(dict(saved))
    order = np.argsort(np.concatenate(shards))
    return {
        name: np.concatenate([part[name] for part in parts])[order] if one.ndim else one
        for name, one in parts[0].items()
    }


def _keep_margins(work: Path, found: Found) -> None:
    _write(work / MARGINS_FILE, **{name: found[name] for name in found if name not in SCORES})


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
