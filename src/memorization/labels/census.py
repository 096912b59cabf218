"""The whole population at a few checkpoints: who is memorized when, without any sampling."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from memorization.extraction.batches import batch_on
from memorization.files import replacing
from memorization.labels.checkpoints import models_on_disk
from memorization.labels.make import scan_inputs
from memorization.labels.plan import chosen_steps
from memorization.labels.scan import read_margins, scan_states
from memorization.labels.trajectories import Trajectories
from memorization.params import Params
from memorization.protocol import CONTINUATION
from memorization.resume import keep, work_folder
from memorization.suite import Suite


@dataclass(frozen=True)
class Census:
    """All n sequences of the population at k checkpoints.

    Attributes
    ----------
    index : int64 [n].
    steps : int [k], ascending; the last is the end of training.
    match_length : int8 [n, k], 32 = memorized; before the end -1 where it is not, since how far it
        got is not asked there.
    continuation_logprob : float32 [n], at the end, nats.
    """

    index: np.ndarray
    steps: np.ndarray
    match_length: np.ndarray
    continuation_logprob: np.ndarray

    @property
    def memorized(self) -> np.ndarray:
        """Whether a sequence is memorized at a checkpoint, bool [n, k]."""
        return self.match_length == CONTINUATION

    @staticmethod
    def none() -> Census:
        """Return the census of a population of which only a sample is studied: no rows."""
        nothing = np.empty((0, 0), np.int8)
        steps = np.empty(0, np.int64)
        return Census(steps, steps, nothing, np.empty(0, np.float32))

    def write(self, path: str | Path) -> None:
        """Write all arrays as one ``.npz`` file, whole or not at all."""
        with replacing(Path(path)) as partial, partial.open("wb") as file:
            np.savez_compressed(file, **vars(self))


def take_census(
    params: Params, suite: Suite, index: np.ndarray, tokens: np.ndarray, device: torch.device
) -> tuple[Census, dict[str, np.ndarray]]:
    """Return the states of sequences, int64 [n] with tokens int [n, 64], at a few checkpoints.

    And how narrowly the labels at the last are decided, as `flips` returns it.

    What an interrupted run finished is not repeated.
    """
    steps = chosen_steps(suite.steps, params.sequences.census)
    work = work_folder("census", scan_inputs(params, suite, index, tokens, device))
    match_length, logprob = scan_states(
        tokens,
        steps,
        models_on_disk(suite, params.target),
        batch_on(device, params.batch),
        work,
        device,
        job=f"census of {params.target}",
        engine=params.labels.engine,
    )
    keep(work)
    return Census(index, np.array(steps), match_length, logprob), read_margins(work)


def census_statistics(census: Census, sample: Trajectories, weight: np.ndarray) -> dict[str, Any]:
    """Return how many are memorized at each step of the census, and what the sample makes of it.

    Parameters
    ----------
    sample : the followed sequences at all steps that were scanned.
    weight : float [m], what each of them stands for.

    Returns
    -------
    dict
        ``steps``; ``memorized``, at each; ``ever``, at any of them; ``forgotten``, at any and not
        at the end; ``sample``: the same, as the sample estimates them, null where it was not
        scanned at all of these steps.
    """
    columns = np.flatnonzero(np.isin(sample.steps, census.steps))
    comparable = len(columns) == len(census.steps)
    return {
        "steps": census.steps.tolist(),
        **_totals(census.memorized, np.ones(len(census.index))),
        "sample": _totals(sample.memorized[:, columns], weight) if comparable else None,
    }


def _totals(memorized: np.ndarray, weight: np.ndarray) -> dict[str, Any]:
    ever = memorized.any(axis=1)
    return {
        "memorized": [round(float(total), 1) for total in weight @ memorized],
        "ever": round(float(weight @ ever), 1),
        "forgotten": round(float(weight @ (ever & ~memorized[:, -1])), 1),
    }
