"""The first rows of a checkpoint's embedding: a few KB that differ from step to step.

They tell of faults that digests do not: weights saved anew, so that all bytes of a file differ
though the model is another step's; two formats of two models; and a step that no neighbour is near.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from memorization.verification.branches import FORMATS, Branch, Finding, Kind, index_of
from memorization.verification.findings import finals_first, lines, named, suspects
from memorization.verification.pieces import EMBEDDINGS

# A step is out of line if it is farther from either neighbour than this many times their distance
# to each other. On a straight path the nearer is at half of it, on a random walk at 0.7, and steps
# that jitter around one point are at 1; models that were trained here reach 0.64.
THRESHOLD = 2.0
# How far a value may be from that in another format: a rounding to bfloat16, or to the smallest of
# float16.
ROUNDING = {"rtol": 2.0**-8, "atol": 2.0**-24}


@dataclass(frozen=True, eq=False)
class Piece:
    """The first values of the embedding of a branch, float [n], and the format they are from."""

    branch: Branch
    values: np.ndarray
    ending: str = "safetensors"


def file_of(branch: Branch, ending: str) -> str | None:
    """Return the file of a format that holds the embedding; None: there is none that tells."""
    single = f"{FORMATS[ending]}.{ending}"
    index = branch.indices.get(index_of(ending)) or {}
    names = [single, *(index[tensor] for tensor in EMBEDDINGS if tensor in index)]
    return next((name for name in names if name in branch.files), None)


def of_embeddings(pieces: Sequence[Piece], accused: Collection[tuple[str, str]]) -> list[Finding]:
    """Return all that is wrong with the embeddings of some branches.

    Parameters
    ----------
    accused : (repository, branch) of those of which something else was found.
    """
    found = [*not_finite(pieces), *of_two_models(pieces)]
    known = {*accused, *(each.place for each in found)}
    found += sharing(pieces, known)
    return [*found, *jumps(pieces, known | {each.place for each in found})]


def not_finite(pieces: Sequence[Piece]) -> list[Finding]:
    """Return the branches whose embedding holds NaN or infinity."""
    wrong = dict.fromkeys(each.branch for each in pieces if not np.isfinite(each.values).all())
    detail = "its embedding holds NaN or infinity"
    return [Finding(*branch.place, Kind.NOT_FINITE, detail) for branch in wrong]


def of_two_models(pieces: Sequence[Piece]) -> list[Finding]:
    """Return the branches whose two formats hold two embeddings, whatever the precision of each."""
    found = []
    for one, other in pairwise(sorted(pieces, key=lambda each: each.branch.place)):
        n = min(len(one.values), len(other.values))
        if one.branch is other.branch and not np.allclose(
            one.values[:n], other.values[:n], **ROUNDING, equal_nan=True
        ):
            detail = f"its {one.ending} and {other.ending} weights begin with two embeddings"
            found.append(Finding(*one.branch.place, Kind.FORMATS, detail))
    return found


def sharing(pieces: Sequence[Piece], accused: Collection[tuple[str, str]]) -> list[Finding]:
    """Return the branches whose embedding is another's, though their files differ.

    Parameters
    ----------
    accused : (repository, branch) of those of which something else was found.
    """
    # Once each, though it may have two formats.
    holders: dict[bytes, dict[Branch, None]] = defaultdict(dict)
    for piece in pieces:
        # Negative zeros are zeros; which there are may change from one way of saving to another.
        holders[(piece.values + 0.0).tobytes()][piece.branch] = None
    found = []
    for held in holders.values():
        # Runs may begin from the same weights, by their seed.
        if all(branch.step == 0 for branch in held):
            continue
        for branch in suspects([*held]):
            if branch.place not in accused:
                other = next(other for other in finals_first(held) if other is not branch)
                detail = f"its embedding begins as that of {named(other, branch)}"
                found.append(Finding(*branch.place, Kind.EMBEDDING, detail))
    return found


def jumps(pieces: Sequence[Piece], accused: Collection[tuple[str, str]]) -> list[Finding]:
    """Return the steps whose embedding is out of line with its neighbours.

    Branches that are accused already are no neighbours. The first and the last step are not tested,
    as they have one only, nor are two outliers in a row.
    """
    found = []
    by_branch = {piece.branch: piece.values for piece in pieces}
    for line in lines(by_branch, accused):
        for before, own, after in zip(line, line[1:], line[2:], strict=False):
            values = [by_branch[branch] for branch in (before, own, after)]
            if len({len(each) for each in values}) == 1:
                ratio = jump(*values)
                if ratio > THRESHOLD:
                    detail = (
                        f"its embedding is {ratio:.1f} times as far from its neighbours as they "
                        f"are from each other; more than {THRESHOLD:g} is out of line"
                    )
                    found.append(Finding(*own.place, Kind.JUMP, detail))
    return found


def jump(before: np.ndarray, own: np.ndarray, after: np.ndarray) -> float:
    """Return how far a step is from the nearer of its neighbours, in units of their distance.

    >>> jump(np.array([0.0]), np.array([1.0]), np.array([4.0]))
    0.25
    """
    nearer = min(np.linalg.norm(own - before), np.linalg.norm(own - after))
    apart = np.linalg.norm(after - before)
    if nearer == 0:
        return 0.0
    return float(nearer / apart) if apart > 0 else float("inf")
