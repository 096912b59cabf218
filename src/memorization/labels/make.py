"""Trajectories of a target, from wherever the parameters and the machine allow."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from memorization.extraction.batches import batch_on
from memorization.labels.agreement import scan_agreement, warn_if_low
from memorization.labels.cost import ScanCost, scan_cost
from memorization.labels.grid import chosen_steps
from memorization.labels.published import published_trajectories
from memorization.labels.remote import RemoteModels, precision
from memorization.labels.repeated import repeated_checkpoints, warn_if_any
from memorization.labels.scan import Models, models_on_disk, scan
from memorization.labels.times import source_of_times
from memorization.labels.trajectories import Trajectories
from memorization.params import Params
from memorization.protocol import CONTINUATION
from memorization.resume import file_digests, keep, library_versions, work_folder
from memorization.sources import code_digest
from memorization.suite import Suite
from memorization.suite.pythia.facts import read_facts
from memorization.suite.pythia.suite import PythiaSuite


@dataclass(frozen=True)
class Made:
    """Trajectories, and what there is to tell of how they came about.

    Attributes
    ----------
    trajectories : of the sample.
    metrics : ``times``: their source, the reason, the checkpoints and the cost of a scan;
        ``agreement`` of a scan with what was published, and ``repeated_checkpoints``, the steps
        that turned out to be one model, else null; ``target_commits``: those that were downloaded,
        by revision, else null.
    """

    trajectories: Trajectories
    metrics: dict[str, Any]


def make_trajectories(
    params: Params,
    suite: Suite,
    index: np.ndarray,
    tokens: np.ndarray,
    device: torch.device,
) -> Made:
    """Return the target's trajectories on some sequences.

    Parameters
    ----------
    index : int64 [n].
    tokens : int [n, 64].
    device : where a scan would run.

    Raises
    ------
    UserError
        If the parameters ask for what cannot be, or the hub or the disk fails during a scan.
    """
    steps = chosen_steps(suite.steps, params.labels.checkpoints)
    cost = _cost(params, suite, len(index), len(steps))
    evaluations = {suite.steps[-1]: suite.memorized(params.target)}
    if isinstance(suite, PythiaSuite):
        evaluations |= suite.evaluations(params.target)
    times = source_of_times(
        params.labels.times,
        params.labels.checkpoints,
        params.target,
        n_evaluations=len(evaluations),
        has_checkpoints=suite.has(params.target),
        device=device.type,
        cost=cost,
    )
    print(f"times: {times.source}; {times.reason}", flush=True)
    how: dict[str, Any] = {
        "agreement": None,
        "repeated_checkpoints": None,
        "target_commits": None,
    }
    if times.source == "scan":
        work = work_folder("labels", scan_inputs(params, suite, index, tokens, device))
        trajectories, how = _scanned(params, suite, index, tokens, steps, device, work)
        keep(work)
    else:
        if times.source == "none":
            evaluations = {suite.steps[-1]: evaluations[suite.steps[-1]]}
        trajectories = published_trajectories(index, evaluations, suite.sequences_per_step)
    told = {"checkpoints": len(trajectories.steps), "of": len(suite.steps), "cost": cost.metrics()}
    return Made(trajectories, how | {"times": vars(times) | told})


def _cost(params: Params, suite: Suite, n: int, n_steps: int) -> ScanCost:
    """Return the cost of a scan; what is on disk need not be downloaded."""
    size = 0
    if not suite.has(params.target):
        size = read_facts(params.pythia.facts).model(params.target).checkpoint_bytes
    return scan_cost(suite.parameters[params.target], n, n_steps, size)


def _scanned(
    params: Params,
    suite: Suite,
    index: np.ndarray,
    tokens: np.ndarray,
    steps: tuple[int, ...],
    device: torch.device,
    work: Path,
) -> tuple[Trajectories, dict[str, Any]]:
    models, published = _models(params, suite, device, work), suite.memorized(params.target)
    found: dict[str, Any] = {}

    def at_end(match_length: np.ndarray) -> None:
        found.update(scan_agreement(match_length == CONTINUATION, np.isin(index, published)))
        warn_if_low(found, params.target)

    trajectories = scan(
        index,
        tokens,
        steps,
        models,
        batch_on(device, params.batch),
        work,
        device,
        **_evaluation(params, suite),
        at_end=at_end,
        job=f"scanning {params.target}",
    )
    repeated = repeated_checkpoints(trajectories.steps, trajectories.continuation_logprob)
    warn_if_any(repeated, params.target)
    return trajectories, {
        "agreement": found,
        "repeated_checkpoints": repeated,
        "target_commits": models.commits if isinstance(models, RemoteModels) else None,
    }


def _models(params: Params, suite: Suite, device: torch.device, work: Path) -> Models:
    """Return the source of the target's checkpoints: the disk, or else the hub."""
    if suite.has(params.target):
        return models_on_disk(suite, params.target)
    return RemoteModels(
        _repository(params, suite),
        read_facts(params.pythia.facts).model(params.target),
        params.pythia.revisions,
        work,
        precision(params.pythia.precision, device),
    )


def _evaluation(params: Params, suite: Suite) -> dict[str, bool]:
    """Return how the target's checkpoints are evaluated, as for `scan`."""
    is_remote = not suite.has(params.target)
    # The published labels were made without end-of-text.
    return {"compiled": is_remote and params.pythia.compile, "end_of_text": not is_remote}


def _repository(params: Params, suite: Suite) -> str:
    models = {model["name"]: model for model in suite.manifest["models"]}
    return models[params.target]["repository"]


def scan_inputs(
    params: Params, suite: Suite, index: np.ndarray, tokens: np.ndarray, device: torch.device
) -> dict[str, Any]:
    """Return what the result of a checkpoint depends on.

    Which checkpoints are chosen is not among it, so that a scan of more of them goes on with those
    that an earlier one finished.
    """
    code = ["memorization.labels.scan", "memorization.suite.device"]
    if suite.has(params.target):
        source: dict[str, Any] = {"weights": file_digests(suite.folder, params.target)}
    else:
        code.append("memorization.suite.pythia.checkpoints")
        repository, revisions = _repository(params, suite), params.pythia.revisions
        source = {
            "repository": repository,
            "pins": {pin: revisions[pin] for pin in revisions if pin.startswith(f"{repository}@")},
            "precision": str(precision(params.pythia.precision, device)),
        }
    return {
        **source,
        **_evaluation(params, suite),
        # Whatever way it came from the hub, a checkpoint is compared with its digest there.
        "code": code_digest(*code, apart=["memorization.suite.hub"]),
        "libraries": library_versions("numpy", "safetensors", "torch", "transformers"),
        "sequences": hashlib.sha256(index.tobytes() + tokens.tobytes()).hexdigest(),
        "batch": params.batch,
        "threads": params.threads,
        "device": device.type,
    }
