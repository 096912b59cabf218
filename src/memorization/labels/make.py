"""Trajectories of a target, from wherever the parameters and the machine allow."""

from __future__ import annotations

import hashlib
import sys
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from memorization.errors import UserError
from memorization.extraction.batches import batch_on
from memorization.labels.checkpoints import RemoteModels, models_on_disk, precision
from memorization.labels.plan import chosen_steps, excluded_steps, scan_cost, source_of_times
from memorization.labels.scan import read_margins, scan
from memorization.labels.trajectories import Trajectories, published_trajectories
from memorization.params import Params
from memorization.protocol import CONTINUATION
from memorization.resume import file_digests, keep, library_versions, work_folder
from memorization.sources import code_digest
from memorization.suite import Suite
from memorization.suite.declared.declaration import Declaration, of_target
from memorization.suite.inserted.suite import InsertedSuite
from memorization.suite.micro.suite import MicroSuite
from memorization.suite.pythia.repositories import check_exclusions
from memorization.suite.pythia.suite import PythiaSuite
from memorization.suite.read import labelled
from memorization.tables import token_matrix

# Below it, what is scanned is hardly what was published.
EXPECTED_AGREEMENT = 0.99


@dataclass(frozen=True)
class Made:
    """Trajectories, and what there is to tell of how they came about.

    In ``metrics``: ``times``, their source, the reason, the checkpoints, those excluded, with what
    is wrong with each, and the cost of a scan; and of a scan, else null, ``agreement`` with what
    was published, ``repeated_checkpoints``, the steps that turned out to be one model, and
    ``target_commits``, those downloaded, by revision. ``margins`` is what `flips` found at the last
    checkpoint; None where there was no scan, or where a census finds it of all.
    """

    trajectories: Trajectories
    metrics: dict[str, Any]
    margins: dict[str, np.ndarray] | None


def make_trajectories(
    params: Params,
    suite: Suite,
    index: np.ndarray,
    tokens: np.ndarray,
    device: torch.device,
) -> Made:
    """Return the target's trajectories on sequences, int64 [n] with tokens int [n, 64].

    Raises
    ------
    UserError
        If the parameters ask for what cannot be, or the hub or the disk fails during a scan.
    """
    on_disk = suite.has(params.target)
    excluded = {} if on_disk else excluded_of(params, suite, params.target)
    left = tuple(step for step in suite.steps if step not in excluded)
    steps = chosen_steps(left, params.labels.checkpoints)
    download = 0 if on_disk else _declared(params).model(params.target).checkpoint_bytes
    cost = scan_cost(suite.parameters[params.target], len(index), len(steps), download)
    evaluations: dict[int, np.ndarray] = {}
    if params.target in labelled(suite):
        evaluations[suite.steps[-1]] = suite.memorized(params.target)
    if isinstance(suite, PythiaSuite):
        evaluations |= suite.evaluations(params.target)
    source, reason = source_of_times(
        params.labels.times,
        params.labels.checkpoints,
        params.target,
        n_evaluations=len(evaluations),
        has_checkpoints=on_disk,
        device=device.type,
        cost=cost,
    )
    print(f"times: {source}; {reason}", flush=True)
    how: dict[str, Any] = dict.fromkeys(("agreement", "repeated_checkpoints", "target_commits"))
    margins: dict[str, np.ndarray] | None = None
    left_out: dict[str, str] = {}
    if source == "scan" or not evaluations:
        # Without labels, the end of training is scanned whatever is asked for.
        steps = steps if source == "scan" else suite.steps[-1:]
        left_out = said_left_out(excluded, suite.steps[-1], params.target)
        work = work_folder("labels", scan_inputs(params, suite, index, tokens, device))
        trajectories, how = _scanned(params, suite, index, tokens, steps, device, work)
        margins = None if isinstance(suite, MicroSuite) else read_margins(work)
        keep(work)
    else:
        if source == "none":
            evaluations = {suite.steps[-1]: evaluations[suite.steps[-1]]}
        trajectories = published_trajectories(index, evaluations, suite.sequences_per_step)
    how["times"] = {
        "source": source,
        "reason": reason,
        "checkpoints": len(trajectories.steps),
        "of": len(suite.steps),
        "excluded": left_out,
        "cost": cost,
    }
    return Made(trajectories, how, margins)


def scan_arm(params: Params, suite: Suite, own: Trajectories, device: torch.device) -> Trajectories:
    """Return the target's trajectories on the arm's units at every checkpoint, by ``unit``.

    ``own`` are those of what is studied, where the units are.
    """
    if isinstance(suite, InsertedSuite) and suite.arm is not None:
        return own
    if not isinstance(suite, MicroSuite) or suite.arm is None:
        return Trajectories.none(suite.steps)
    unit, tokens = suite.arm["unit"].to_numpy(), token_matrix(suite.arm["tokens"])
    work = work_folder("arm", scan_inputs(params, suite, unit, tokens, device))
    found = scan(
        unit,
        tokens,
        suite.steps,
        models_on_disk(suite, params.target),
        batch_on(device, params.batch),
        work,
        device,
        job=f"scanning the arm with {params.target}",
        engine=params.labels.engine,
    )
    keep(work)
    return found


def excluded_of(params: Params, suite: Suite, model: str) -> dict[int, str]:
    """Return step -> what is wrong, of the checkpoints of a model that a scan leaves out.

    Those of the params, and those that the suite's declaration knows to be wrong.
    """
    declared = _declared(params)
    check_exclusions(params.labels.exclude, declared)
    exclude = {**declared.wrong, **params.labels.exclude}
    return excluded_steps(exclude, repository_of(suite, model), suite.steps)


def said_left_out(excluded: Mapping[int, str], last: int, model: str) -> dict[str, str]:
    """Return, and say, revision -> what is wrong, of the checkpoints that a scan leaves out.

    Raises
    ------
    UserError
        If the last is among them.
    """
    if last in excluded:
        raise UserError(
            f"labels.exclude: step{last} is the last checkpoint of {model} ({excluded[last]}), "
            "which decides what is memorized and cannot be left out; scan another release "
            "(pythia.models) or commit (pythia.revisions), or take the target's times from "
            "elsewhere (labels.times)"
        )
    if excluded:
        said = ", ".join(f"step{step} ({fault})" for step, fault in excluded.items())
        print(f"labels.exclude: left out of the scan of {model}: {said}", flush=True)
    return {f"step{step}": fault for step, fault in excluded.items()}


def _declared(params: Params) -> Declaration:
    return of_target(params.target, params.pythia.facts)


def repository_of(suite: Suite, model: str) -> str:
    """Return the repository of the target, or of another run of its size."""
    own = {listed["name"]: listed["repository"] for listed in suite.manifest["models"]}
    return (own | suite.manifest["runs"])[model]


def remote_models(
    params: Params, suite: Suite, model: str, device: torch.device, work: Path
) -> RemoteModels:
    """Return the checkpoints of the target, or of another run of its size, from the hub."""
    return RemoteModels(
        repository_of(suite, model),
        _declared(params).model(model),
        params.pythia.revisions,
        work,
        precision(params.pythia.precision, device),
    )


def _scanned(
    params: Params,
    suite: Suite,
    index: np.ndarray,
    tokens: np.ndarray,
    steps: tuple[int, ...],
    device: torch.device,
    work: Path,
) -> tuple[Trajectories, dict[str, Any]]:
    remote = None
    if not suite.has(params.target):
        remote = remote_models(params, suite, params.target, device, work)
    found: dict[str, Any] = {}

    def at_end(match_length: np.ndarray) -> None:
        if params.target in labelled(suite):
            published = np.isin(index, suite.memorized(params.target))
            found.update(scan_agreement(match_length == CONTINUATION, published, params.target))
            if isinstance(suite, PythiaSuite):
                equal = suite.equal_tokens(params.target, index)
                found["shares"] = share_agreement(match_length, equal)

    trajectories = scan(
        index,
        tokens,
        steps,
        remote or models_on_disk(suite, params.target),
        batch_on(device, params.batch),
        work,
        device,
        **evaluation(params, suite, params.target),
        at_end=at_end,
        margins=not isinstance(suite, MicroSuite),
        job=f"scanning {params.target}",
        engine=params.labels.engine,
    )
    return trajectories, {
        "agreement": found or None,
        "repeated_checkpoints": repeated_checkpoints(trajectories, params.target),
        "target_commits": remote.commits if remote else None,
    }


def scan_agreement(scanned: np.ndarray, published: np.ndarray, target: str) -> dict[str, Any]:
    """Return how many labels of a scan at the last checkpoint are the published ones, bool [n].

    Greedy decoding meets near-ties, which another precision, batch or GPU decides otherwise; some
    labels per thousand may differ for that. More is another model, another text or a fault: that is
    said loudly, on standard error.

    >>> scan_agreement(np.array([True, False, False]), np.array([True, False, False]), "1.4b")
    {'n': 3, 'share': 1.0, 'published_only': 0, 'scan_only': 0}
    """
    n, share = len(scanned), float(np.mean(scanned == published)) if len(scanned) else None
    published_only, scan_only = (
        int((a & ~b).sum()) for a, b in ((published, scanned), (scanned, published))
    )
    if share is not None and share < EXPECTED_AGREEMENT:
        _warn(
            f"at the last checkpoint the scan of {target} agrees with the published labels on only "
            f"{share:.2%} of {n:,} sequences; {EXPECTED_AGREEMENT:.0%} or more are expected.",
            f"Memorized by the published labels only: {published_only:,}; by the scan only: "
            f"{scan_only:,}.",
            "So its times may be those of another model than the labels. Likely causes: checkpoints"
            " of v1 (the labels come from v0; see pythia.models), another variant, another commit,"
            " or too low a precision. The scan goes on.",
        )
    return {"n": n, "share": share, "published_only": published_only, "scan_only": scan_only}


def share_agreement(match_length: np.ndarray, equal: np.ndarray) -> dict[str, Any]:
    """Return how a scan at the last checkpoint goes with published shares of equal tokens.

    Whoever generates a continuation goes on from what the model said, and counts the tokens that
    are right anywhere; a scan tells how many are right up to the first that is wrong. So of a
    sequence with fewer than 32 right at first, at least as many must be equal, and not all.

    Parameters
    ----------
    match_length : int [n], tokens right up to the first that is wrong.
    equal : int [n], equal tokens as was published; -1 where nothing was.

    Returns
    -------
    dict
        ``n``, the sequences whose share is known; ``share`` of them that can be so, None of none;
        ``fewer``, those with fewer equal tokens than are right at first; ``all``, those of which
        all are equal, though not all are right.

    >>> found = share_agreement(np.array([3, 3, 3, 32, 5]), np.array([4, 2, 32, 32, -1]))
    >>> found
    {'n': 4, 'share': 0.5, 'fewer': 1, 'all': 1}
    """
    known = equal >= 0
    match_length, equal = match_length[known], equal[known]
    fewer = equal < match_length
    all_equal = (equal == CONTINUATION) & (match_length < CONTINUATION)
    return {
        "n": len(equal),
        "share": float(np.mean(~fewer & ~all_equal)) if len(equal) else None,
        "fewer": int(fewer.sum()),
        "all": int(all_equal.sum()),
    }


def repeated_checkpoints(trajectories: Trajectories, target: str) -> list[list[int]]:
    """Return the groups of steps at which a scan found exactly the same; say loudly if any.

    Two models that are not the same do not agree on all log-probabilities to the last bit. Not all
    revisions of a published model hold what their names say: of pythia-2.8b (v1), 86 of 154 serve
    weights of the end of training (github.com/EleutherAI/pythia, issues 195 and 205). A mixture of
    two checkpoints, as reported of two steps of pythia-12b (issue 206), is not found so.
    """
    steps, logprob = trajectories.steps, trajectories.continuation_logprob
    if not logprob.size:
        return []
    _, group = np.unique(logprob, axis=1, return_inverse=True)
    members = (steps[group.reshape(-1) == g].tolist() for g in range(group.max() + 1))
    repeated = sorted(steps for steps in members if len(steps) > 1)
    if repeated:
        _warn(
            f"of {target}, the checkpoints of these steps are one and the same model:",
            *(", ".join(map(str, group)) for group in repeated),
            "Not all can be what their names say, so times between them mean nothing.",
            "Leave out those that `memorization verify-checkpoints` finds (labels.exclude), or "
            "scan another release (pythia.models).",
        )
    return repeated


def _warn(first: str, *lines: str) -> None:
    rule = "!" * 90
    filled = (textwrap.fill(line, len(rule)) for line in (f"WARNING: {first}", *lines))
    print(rule, *filled, rule, sep="\n", file=sys.stderr, flush=True)


def evaluation(params: Params, suite: Suite, model: str) -> dict[str, bool]:
    """Return how a model's checkpoints are evaluated, as for `scan`."""
    is_remote = not suite.has(model)
    # The published labels of Pythia were made without end-of-text.
    end_of_text = not (is_remote and isinstance(suite, PythiaSuite))
    return {"compiled": is_remote and params.pythia.compile, "end_of_text": end_of_text}


def scan_inputs(
    params: Params,
    suite: Suite,
    index: np.ndarray,
    tokens: np.ndarray,
    device: torch.device,
    model: str | None = None,
) -> dict[str, Any]:
    """Return what the result of a checkpoint of a model (None: the target) depends on.

    Which checkpoints are chosen and where they are evaluated is not among it, so that a scan of
    more of them, or by another engine, goes on with what an earlier one finished.
    """
    code = ["memorization.labels.scan", "memorization.suite.device"]
    model = model or params.target
    if suite.has(model):
        source: dict[str, Any] = {"weights": file_digests(suite.folder, model)}
    else:
        code.append("memorization.suite.pythia.checkpoints")
        repository, revisions = repository_of(suite, model), params.pythia.revisions
        source = {
            "repository": repository,
            "pins": {pin: revisions[pin] for pin in revisions if pin.startswith(f"{repository}@")},
            "precision": str(precision(params.pythia.precision, device)),
        }
    return {
        **source,
        **evaluation(params, suite, model),
        # Whatever way it came from the hub, a checkpoint is compared with its digest there.
        "code": code_digest(*code, apart=["memorization.suite.hub"]),
        "libraries": library_versions("numpy", "safetensors", "torch", "transformers"),
        "sequences": hashlib.sha256(index.tobytes() + tokens.tobytes()).hexdigest(),
        "batch": params.batch,
        "threads": params.threads,
        "device": device.type,
    }
