"""Where the times of memorization come from, at which checkpoints, and what a scan costs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from memorization.errors import UserError
from memorization.protocol import SEQUENCE
from memorization.suite.pythia.repositories import pin_of

# What one GPU is taken to sustain: 30 to 40 % of what data sheets give for 16-bit matrix products
# without sparsity (A100: 312, H100: 989 TFLOP/s), rounded down.
SUSTAINED_TFLOPS = {"A100": 100, "H100": 300}


def scan_cost(
    parameters: int, sequences: int, checkpoints: int, checkpoint_bytes: int
) -> dict[str, Any]:
    """Return the cost of one teacher-forced pass over sequences at some checkpoints.

    In gigabytes to download (all in all; never more than two checkpoints are on disk), operations,
    and hours on one GPU when downloads keep up. A pass takes two operations a parameter and token
    (Kaplan et al. 2020, "Scaling laws for neural language models", section 2.1), over the 63 tokens
    that decide a sequence; an upper bound for small models, whose embeddings are counted as well.

    >>> cost = scan_cost(1_414_647_808, 60_000, 143, 2_930_000_000)
    >>> cost["gigabytes"], cost["flops"], round(cost["gpu_hours"]["A100"], 1)
    (418.99, 1.52934745227264e+18, 4.2)
    """
    flops = 2.0 * parameters * (SEQUENCE - 1) * sequences * checkpoints
    return {
        "checkpoints": checkpoints,
        "sequences": sequences,
        "gigabytes": checkpoints * checkpoint_bytes / 1e9,
        "flops": flops,
        "gpu_hours": {gpu: flops / (rate * 1e12) / 3600 for gpu, rate in SUSTAINED_TFLOPS.items()},
        "assumed_tflops": SUSTAINED_TFLOPS,
    }


def _in_words(cost: dict[str, Any]) -> str:
    hours = ", ".join(
        f"{cost['gpu_hours'][gpu]:.2g} h on one {gpu} ({rate} TFLOP/s)"
        for gpu, rate in SUSTAINED_TFLOPS.items()
    )
    return (
        f"{cost['checkpoints']} checkpoints, {cost['gigabytes']:,.0f} GB to download, "
        f"{cost['flops']:.1e} FLOP: {hours}"
    )


def excluded_steps(
    exclude: Mapping[str, str], repository: str, steps: tuple[int, ...]
) -> dict[int, str]:
    """Return step -> what is wrong, of the checkpoints that a scan leaves out, ascending.

    Parameters
    ----------
    exclude : ``owner/name@stepK`` -> what is wrong with it; those of other models as well.
    repository : ``owner/name`` of the model.
    steps : its checkpoints, ascending.

    >>> excluded_steps({"a/b@step4": "missing", "a/c@step2": "size"}, "a/b", (2, 4, 6))
    {4: 'missing'}
    """
    named = {step: pin_of(repository, f"step{step}") for step in steps}
    return {step: exclude[name] for step, name in named.items() if name in exclude}


def chosen_steps(steps: tuple[int, ...], spec: int | str) -> tuple[int, ...]:
    """Return the checkpoints that ``labels.checkpoints`` asks for, ascending, with the last.

    Parameters
    ----------
    steps : the suite's checkpoints that may be chosen, ascending.
    spec : ``all``; a number n of them, evenly spaced; ``every-K``, each K-th counted back from the
        last; ``log-N``, N of them, as near to evenly spaced on a logarithmic scale as they can be.

    Raises
    ------
    UserError
        If the suite has fewer checkpoints than asked for.

    >>> steps = (1, 2, 4, 8, 16, 32)
    >>> chosen_steps(steps, 3), chosen_steps(steps, "every-4"), chosen_steps(steps, "log-2")
    ((2, 8, 32), (2, 32), (1, 32))
    """
    if spec == "all":
        return steps
    kind, number = ("evenly", spec) if isinstance(spec, int) else str(spec).split("-")
    n = int(number)
    if not 1 <= n <= len(steps):
        raise UserError(
            f"labels.checkpoints={spec}: the suite has {len(steps)} checkpoints to scan; the "
            f"number must be 1 to {len(steps)}"
        )
    if kind == "evenly":
        places = np.arange(1, n + 1) * len(steps) // n - 1
    elif kind == "every":
        places = np.arange(len(steps))[::-n][::-1]
    else:
        places = _logarithmic(np.array(steps), n)
    return tuple(steps[place] for place in places)


def _logarithmic(steps: np.ndarray, n: int) -> np.ndarray:
    """Return the places of n distinct steps that are nearest to n points even on a log scale."""
    logs = np.log(np.maximum(steps, 1))
    # One step alone is the last.
    points = np.linspace(logs[0], logs[-1], n) if n > 1 else logs[-1:]
    nearest = np.abs(points[:, None] - logs).argmin(axis=1)
    # Where the first steps are too far apart for so many points, the next free ones are taken.
    rank = np.arange(n)
    distinct = np.maximum.accumulate(nearest - rank) + rank
    return np.minimum(distinct, len(steps) - n + rank)


def source_of_times(
    times: str,
    checkpoints: int | str,
    target: str,
    n_evaluations: int,
    has_checkpoints: bool,
    device: str,
    cost: dict[str, Any],
) -> tuple[str, str]:
    """Return where the times of a target come from (published, scan or none), and why.

    With ``times="auto"``: published where they are and no grid of checkpoints is asked for; else a
    scan where the checkpoints are on disk, where there is a GPU, or where a grid is asked for; else
    none.

    Parameters
    ----------
    times, checkpoints : as asked for.
    n_evaluations : evaluations of the target that were published, the last included.
    has_checkpoints : whether they are on disk.
    device, cost : on which a scan would run, and what it would take, see `scan_cost`.

    Raises
    ------
    UserError
        If published times are asked for and there are none, or only at other steps than asked for.
    """
    if times == "none":
        return "none", "labels.times=none asks for the end of training only"
    if times == "scan":
        return "scan", "labels.times=scan asks for it"
    if times == "published":
        if n_evaluations < 2:
            raise UserError(
                f"labels.times=published: no earlier evaluations of {target} were published (those "
                "of 12b were); use scan, none or auto"
            )
        if checkpoints != "all":
            raise UserError(
                f"labels.checkpoints={checkpoints}: published evaluations are at steps of their "
                "own; with labels.times=published it must be all, or use labels.times=scan"
            )
        return "published", "labels.times=published asks for it"
    if n_evaluations > 1 and checkpoints == "all":
        return "published", f"{n_evaluations} evaluations of {target} were published"
    if has_checkpoints:
        return "scan", "the checkpoints are on disk"
    if checkpoints != "all":
        return "scan", f"labels.checkpoints={checkpoints} asks for this grid"
    if device == "cuda":
        return "scan", "there is a GPU"
    return (
        "none",
        f"no earlier evaluations of {target} were published, and a scan needs a GPU (device=auto "
        f"uses one where there is one): {_in_words(cost)}; labels.checkpoints=8 scans 8 "
        "checkpoints all the same, labels.times=scan all of them",
    )
