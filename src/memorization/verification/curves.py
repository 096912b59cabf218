"""Steps whose weights or whose loss cannot be part of one training: what `weights` measured."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from memorization.verification.branches import Branch, Finding, Kind
from memorization.verification.findings import lines

# A loss is out of line if it is outside of its neighbours' by more than this many times what losses
# around it usually are from the middle of theirs, and this many nats. Of a Pythia's 154 losses with
# Gaussian noise, fewer than one in ten thousand is.
FACTOR, NATS = 10.0, 0.01
# So many steps on either side are those around; of fewer steps than these, noise cannot be told.
AROUND, FEWEST = 10, 15
# The share of its norm that a model may lose from one step to the next. Decay takes at most the
# learning rate times its weight times the steps: in a thousand steps 1e-3 · 0.1 · 1000 = 10 % of
# pythia-70m and 1.2 % of 12b (models/*.yml of EleutherAI/pythia).
SHRINKAGE = 0.2


@dataclass(frozen=True)
class Measured:
    """What was measured of a checkpoint's weights.

    Attributes
    ----------
    norm : Euclidean norm of all parameters.
    loss : on the fixed text, nats a token; None: there is no tokenizer.
    not_finite : parameters that hold NaN or infinity.
    differing : tensors of the safetensors file whose bytes the bin file does not hold.
    """

    norm: float
    loss: float | None
    not_finite: list[str]
    differing: list[str]


def of_weights(
    measured: Mapping[Branch, Measured], accused: Collection[tuple[str, str]]
) -> list[Finding]:
    """Return all that is wrong with the weights of some branches.

    Parameters
    ----------
    accused : (repository, branch) of those of which something else was found; no neighbours.
    """
    found = []
    for branch, own in measured.items():
        if own.not_finite:
            detail = f"{_first(own.not_finite)} holds NaN or infinity"
            found.append(Finding(*branch.place, Kind.NOT_FINITE, detail))
        elif own.loss is not None and not np.isfinite(own.loss):
            detail = "its loss is not finite in this precision, though its weights are"
            found.append(Finding(*branch.place, Kind.NOT_FINITE, detail))
        if own.differing:
            detail = f"its bin weights hold another {_first(own.differing)} than its safetensors"
            found.append(Finding(*branch.place, Kind.FORMATS, detail))
    known = {*accused, *(each.place for each in found)}
    for line in lines(measured, known):
        found += _losses([branch for branch in line if measured[branch].loss is not None], measured)
        found += _norms(line, measured)
    return found


def _first(names: Sequence[str]) -> str:
    return names[0] + (f" and {len(names) - 1} more" if len(names) > 1 else "")


def _losses(line: Sequence[Branch], measured: Mapping[Branch, Measured]) -> list[Finding]:
    losses = [measured[branch].loss or 0.0 for branch in line]
    return [
        Finding(
            *line[place].place,
            Kind.LOSS,
            f"its loss of {losses[place]:.3f} is {outside:.3f} outside of its neighbours'; more "
            f"than {most:.3f} is out of line",
        )
        for place, (outside, most) in outliers(losses).items()
    ]


def _norms(line: Sequence[Branch], measured: Mapping[Branch, Measured]) -> list[Finding]:
    norms = [measured[branch].norm for branch in line]
    return [
        Finding(
            *line[place].place,
            Kind.NORM,
            f"its norm of {norms[place]:,.1f} does not fit: without it and others alike, no norm "
            f"is more than {SHRINKAGE:.0%} below the one before",
        )
        for place in shrinking(norms)
    ]


def outliers(losses: Sequence[float]) -> dict[int, tuple[float, float]]:
    """Return the places of losses that are not between their neighbours'; the worst first.

    Each with how far it is outside of them and how far it may be (`FACTOR`, `NATS`). One that was
    found is no neighbour. The first and the last are not tested, nor are fewer than `FEWEST`.

    >>> losses = [2 + 8 / step for step in range(1, 21)]
    >>> losses[9] = 3.2
    >>> list(outliers(losses))
    [9]
    """
    left, found = list(range(len(losses))), {}
    while len(left) >= FEWEST:
        own = np.array(losses, np.float64)[left]
        middle, around = own[1:-1], np.stack([own[:-2], own[2:]])
        outside = np.maximum(middle - around.max(0), around.min(0) - middle)
        bends = np.abs(middle - around.mean(0))
        # Of the others: its own and those of its two neighbours are as large as it is wrong.
        usual = [
            np.median([*bends[max(0, i - AROUND) : max(0, i - 1)], *bends[i + 2 : i + AROUND + 1]])
            for i in range(len(bends))
        ]
        most = FACTOR * np.array(usual) + NATS
        worst = int(np.argmax(outside / most))
        if outside[worst] <= most[worst]:
            break
        found[left.pop(worst + 1)] = (float(outside[worst]), float(most[worst]))
    return found


def shrinking(norms: Sequence[float]) -> list[int]:
    """Return the fewest places without which no norm is far below the one before (`SHRINKAGE`).

    >>> shrinking([10.0, 12.0, 11.9, 7.0, 7.1, 13.0])
    [3, 4]
    """
    longest: list[list[int]] = []  # that ends at each place
    for norm in norms:
        before = [kept for kept in longest if norm >= (1 - SHRINKAGE) * norms[kept[-1]]]
        longest.append([*max(before, key=len, default=[]), len(longest)])
    kept = max(longest, key=len, default=[])
    return [place for place in range(len(norms)) if place not in kept]
