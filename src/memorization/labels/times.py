"""Where the times of memorization come from: published evaluations, a scan, or nowhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from memorization.errors import UserError
from memorization.labels.cost import ScanCost


@dataclass(frozen=True)
class Times:
    """Where times come from, and why from there.

    Attributes
    ----------
    source : ``published``, ``scan``, or ``none``: only the end of training is known.
    reason : one sentence.
    """

    source: Literal["published", "scan", "none"]
    reason: str


def source_of_times(
    times: str,
    checkpoints: int | str,
    target: str,
    n_evaluations: int,
    has_checkpoints: bool,
    device: str,
    cost: ScanCost,
) -> Times:
    """Return where the times of a target come from.

    Parameters
    ----------
    times : as asked for: ``published``, ``scan``, ``none`` or ``auto``: published where they are
        and no grid of checkpoints is asked for; else a scan where the checkpoints are on disk,
        where there is a GPU, or where a grid is asked for; else none.
    checkpoints : those to scan, as asked for.
    target : name of the model.
    n_evaluations : evaluations of it that were published, the last included.
    has_checkpoints : whether they are on disk.
    device : on which a scan would run, ``cpu`` or ``cuda``.
    cost : of a scan.

    Raises
    ------
    UserError
        If published times are asked for and there are none, or only at other steps than asked for.
    """
    if times == "none":
        return Times("none", "labels.times=none asks for the end of training only")
    if times == "scan":
        return Times("scan", "labels.times=scan asks for it")
    if times == "published":
        _check_published(checkpoints, target, n_evaluations)
        return Times("published", "labels.times=published asks for it")
    if n_evaluations > 1 and checkpoints == "all":
        return Times("published", f"{n_evaluations} evaluations of {target} were published")
    if has_checkpoints:
        return Times("scan", "the checkpoints are on disk")
    if checkpoints != "all":
        return Times("scan", f"labels.checkpoints={checkpoints} asks for this grid")
    if device == "cuda":
        return Times("scan", "there is a GPU")
    return Times(
        "none",
        f"no earlier evaluations of {target} were published, and a scan needs a GPU (device=auto "
        f"uses one where there is one): {cost}; labels.checkpoints=8 scans 8 checkpoints all the "
        "same, labels.times=scan all of them",
    )


def _check_published(checkpoints: int | str, target: str, n_evaluations: int) -> None:
    if n_evaluations < 2:
        raise UserError(
            f"labels.times=published: no earlier evaluations of {target} were published (those of "
            "12b were); use scan, none or auto"
        )
    if checkpoints != "all":
        raise UserError(
            f"labels.checkpoints={checkpoints}: published evaluations are at steps of their own; "
            "with labels.times=published it must be all, or use labels.times=scan"
        )
