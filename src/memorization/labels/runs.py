"""The same sequences over several runs: which are memorized in how many, and whose is the time.

The runs of a size differ in a seed, or in what was done to their training data, and each is scanned
at the target's checkpoints.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import Any

import numpy as np
import torch

from memorization.extraction.batches import batch_on
from memorization.labels.make import (
    evaluation,
    excluded_of,
    remote_models,
    said_left_out,
    scan_inputs,
)
from memorization.labels.plan import chosen_steps
from memorization.labels.scan import scan
from memorization.labels.trajectories import Trajectories
from memorization.params import Params
from memorization.resume import keep, work_folder
from memorization.suite import Suite
from memorization.suite.pythia.suite import PythiaSuite


def scan_runs(
    params: Params, suite: Suite, own: Trajectories, tokens: np.ndarray, device: torch.device
) -> tuple[dict[str, Trajectories], dict[str, dict[str, str]]]:
    """Return run -> trajectories, of all runs of the target's size; nothing where there is one.

    A run that lacks a checkpoint, or has a wrong one, is scanned at those that are left. The second
    is run -> revision -> what is wrong, of the others that leave any out.

    Parameters
    ----------
    own : the target's, on sequences with these tokens, int [n, 64].

    Raises
    ------
    UserError
        If the hub or the disk fails, or a run lacks the last checkpoint or has it wrong.
    """
    found: dict[str, Trajectories] = {}
    excluded: dict[str, dict[str, str]] = {}
    for run in suite.manifest.get("runs", {}):
        if run == params.target:
            found[run] = own
            continue
        wrong = excluded_of(params, suite, run)
        if wrong:
            excluded[run] = said_left_out(wrong, suite.steps[-1], run)
        left = tuple(step for step in suite.steps if step not in wrong)
        every = chosen_steps(left, params.labels.checkpoints)
        steps = every if len(own.steps) > 1 else suite.steps[-1:]
        work = work_folder("run", scan_inputs(params, suite, own.index, tokens, device, run))
        found[run] = scan(
            own.index,
            tokens,
            steps,
            remote_models(params, suite, run, device, work),
            batch_on(device, params.batch),
            work,
            device,
            **evaluation(params, suite, run),  # type: ignore[arg-type]
            job=f"scanning {run}",
            engine=params.labels.engine,
        )
        keep(work)
    return found, excluded


def run_arrays(suite: Suite, runs: Mapping[str, Trajectories]) -> dict[str, np.ndarray]:
    """Return what is kept of r runs on n sequences, by the names in ``trajectories.npz``.

    ``run`` str [r]; ``run_memorized`` bool [n, r], at the end; ``run_first_step`` int32 [n, r], the
    first checkpoint at which it is memorized, 0 where at none; and where the order of each run's
    data was asked for, ``run_seen_step`` int32 [n, r], the step in which it is trained on, 0 where
    in none.
    """
    if not runs:
        return {}
    first = [
        np.where(own.memorized.any(axis=1), own.steps[own.memorized.argmax(axis=1)], 0)
        for own in runs.values()
    ]
    found = {
        "run": np.array(list(runs)),
        "run_memorized": np.stack([own.memorized[:, -1] for own in runs.values()], axis=1),
        "run_first_step": np.stack(first, axis=1).astype(np.int32),
    }
    if isinstance(suite, PythiaSuite):
        seen = [suite.run_steps(run, own.index) for run, own in runs.items()]
        known = [steps for steps in seen if steps is not None]
        found |= {"run_seen_step": np.stack(known, axis=1)} if known else {}
    return found


def run_statistics(arrays: Mapping[str, np.ndarray], weight: np.ndarray) -> dict[str, Any]:
    """Return what the runs have in common, weighted to the population.

    Parameters
    ----------
    arrays : as `run_arrays` returns them, of n sequences and r runs.
    weight : float [n], sequences of the population that each stands for.

    Returns
    -------
    dict
        ``runs``, in order; ``memorized``, by run; ``in_how_many``, of 0 … r runs, the sequences
        that are memorized in just so many; ``in_both``, of the sequences that either of two runs
        has memorized, the share that both have, the mean over pairs (None: there are none);
        ``by_exposure``, if the orders are known: of the sequences that a run is trained on, or not,
        the share that it memorizes, over all runs;
        ``when``: of the sequences that are memorized at some checkpoint in several runs, their
        number ``n``, and the share of the variance of the first step that is ``between`` them and
        not between the runs (None: fewer than two such, or one checkpoint).
    """
    names, memorized = arrays["run"].tolist(), arrays["run_memorized"]
    times = memorized.sum(axis=1)
    pairs = combinations(memorized.T, 2)
    shared = [(weight @ (a & b), weight @ (a | b)) for a, b in pairs]
    in_both = [float(both / either) for both, either in shared if either > 0]
    found = {
        "runs": names,
        "memorized": dict(zip(names, (weight @ memorized).tolist(), strict=True)),
        "in_how_many": np.bincount(times, weight, len(names) + 1).tolist(),
        "in_both": float(np.mean(in_both)) if in_both else None,
        "when": between(arrays["run_first_step"]),
    }
    if "run_seen_step" in arrays:
        seen = arrays["run_seen_step"] > 0
        found["by_exposure"] = {
            name: float((weight @ (memorized & rows)).sum() / total) if total else None
            for name, rows in (("trained_on", seen), ("not_trained_on", ~seen))
            for total in [(weight @ rows).sum()]
        }
    return found


def between(first_step: np.ndarray) -> dict[str, Any]:
    """Return how much of the variance of a time is between sequences, int [n, r]; 0 is never.

    The intraclass correlation of a one-way analysis of variance with unequal groups (Donner 1986,
    "A review of inference procedures for the intraclass correlation coefficient"), of the
    sequences with two times or more.

    >>> between(np.array([[10, 10, 0], [30, 30, 30], [0, 20, 0]]))
    {'n': 2, 'between': 1.0}
    """
    rows = first_step[(first_step > 0).sum(axis=1) > 1].astype(np.float64)
    known = rows > 0
    n, size = len(rows), known.sum(axis=1)
    if n < 2 or len(np.unique(rows[known])) < 2:
        return {"n": n, "between": None}
    total = size.sum()
    mean = np.where(known, rows, 0.0).sum(axis=1) / size
    within = (np.where(known, rows - mean[:, None], 0.0) ** 2).sum() / (total - n)
    among = size @ (mean - size @ mean / total) ** 2 / (n - 1)
    usual = (total - (size**2).sum() / total) / (n - 1)
    return {"n": n, "between": float((among - within) / (among + (usual - 1) * within))}
