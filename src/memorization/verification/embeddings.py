"""The first rows of a checkpoint's embedding: a few KB that differ from step to step.

They tell of two faults that digests do not: weights saved anew, so that all bytes of a file differ
though the model is another step's, and a step that no neighbour is near.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import numpy as np

from memorization.verification.branches import Branch, Finding, Kind
from memorization.verification.findings import by_repository, finals_first, named, suspects

TENSOR = "gpt_neox.embed_in.weight"
# Bytes of it that are read: the first rows, of tokens that every text has (end of text, marks).
ROWS = 4096
# A step is out of line if it is farther from either neighbour than this many times their distance
# to each other. On a straight path the nearer is at half of it, on a random walk at 0.7, and steps
# that jitter around one point are at 1; models that were trained here reach 0.64.
THRESHOLD = 2.0
# Longer than any header of GPT-NeoX: 12b's is about 60,000 bytes.
LONGEST_HEADER = 1 << 24
# What is read first; that of a file of 20 layers fits.
HEADER = 1 << 15

Read = Callable[[int, int], bytes]


@dataclass(frozen=True, eq=False)
class Piece:
    """The first values of the embedding of a branch, float [n]."""

    branch: Branch
    values: np.ndarray


def file_of(branch: Branch) -> str | None:
    """Return the safetensors file that holds the embedding; None: there is none that tells."""
    single = "model.safetensors"
    index = branch.indices.get(f"{single}.index.json") or {}
    name = single if single in branch.files else index.get(TENSOR)
    return name if name in branch.files else None


def read_piece(read: Read, size: int) -> np.ndarray:
    """Return the first values of the embedding in a safetensors file, float64 [n].

    Parameters
    ----------
    read : returns the bytes of the file from one place until before another.
    size : of the file, in bytes.

    Raises
    ------
    ValueError
        If it is no such file, or does not hold the tensor.
    """
    begin = read(0, min(size, HEADER))
    length = int.from_bytes(begin[:8], "little")
    start = 8 + length
    if start > min(size, LONGEST_HEADER):
        raise ValueError("is no safetensors file")
    header = begin[8:start] if start <= len(begin) else read(8, start)
    try:
        said = json.loads(header)[TENSOR]
        dtype, (first, last) = said["dtype"], said["data_offsets"]
        width = {"F16": 2, "BF16": 2, "F32": 4}[dtype]
        last = min(last, first + ROWS)
    except (KeyError, TypeError, ValueError):
        raise ValueError(f"holds no {TENSOR} of 16 or 32 bits") from None
    if not (0 <= first < last <= size - start and (last - first) % width == 0):
        raise ValueError(f"{TENSOR} is not inside of the file")
    return _values(read(start + first, start + last), dtype)


def _values(content: bytes, dtype: str) -> np.ndarray:
    if dtype == "BF16":  # the upper half of a float32
        values = (np.frombuffer(content, "<u2").astype(np.uint32) << 16).view(np.float32)
    else:
        values = np.frombuffer(content, "<f2" if dtype == "F16" else "<f4")
    return values.astype(np.float64)


def sharing(pieces: Sequence[Piece], accused: Collection[tuple[str, str]]) -> list[Finding]:
    """Return the branches whose embedding is another's, though their files differ.

    Parameters
    ----------
    accused : (repository, branch) of those of which something else was found.
    """
    holders: dict[bytes, list[Branch]] = defaultdict(list)
    for piece in pieces:
        # Negative zeros are zeros; which there are may change from one way of saving to another.
        holders[(piece.values + 0.0).tobytes()].append(piece.branch)
    found = []
    for held in holders.values():
        # Runs may begin from the same weights, by their seed.
        if all(branch.step == 0 for branch in held):
            continue
        for branch in suspects(held):
            if (branch.repository, branch.name) not in accused:
                other = next(other for other in finals_first(held) if other is not branch)
                detail = f"its embedding begins as that of {named(other, branch)}"
                found.append(Finding(branch.repository, branch.name, Kind.EMBEDDING, detail))
    return found


def jumps(pieces: Sequence[Piece], accused: Collection[tuple[str, str]]) -> list[Finding]:
    """Return the steps whose embedding is out of line with its neighbours, or not finite.

    Branches that are accused already are no neighbours. The first and the last step are not tested,
    as they have one only, nor are two outliers in a row.
    """
    found = []
    by_branch = {piece.branch: piece.values for piece in pieces}
    for repository, branches in by_repository(by_branch).items():
        line: list[tuple[int, str, np.ndarray]] = []
        for branch in branches:
            values = by_branch[branch]
            if not np.isfinite(values).all():
                detail = "its embedding holds values that are not finite"
                found.append(Finding(repository, branch.name, Kind.JUMP, detail))
            elif branch.step is not None and (repository, branch.name) not in accused:
                line.append((branch.step, branch.name, values))
        line.sort(key=lambda place: place[0])
        for (_, _, before), (_, name, own), (_, _, after) in zip(
            line, line[1:], line[2:], strict=False
        ):
            if len(before) == len(own) == len(after):
                ratio = jump(before, own, after)
                if ratio > THRESHOLD:
                    detail = (
                        f"its embedding is {ratio:.1f} times as far from its neighbours as they "
                        f"are from each other; more than {THRESHOLD:g} is out of line"
                    )
                    found.append(Finding(repository, name, Kind.JUMP, detail))
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
