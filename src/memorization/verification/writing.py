"""What was found of a suite's checkpoints: in the terminal, and as JSON, Parquet or Markdown."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as parquet

from memorization.errors import UserError
from memorization.files import replacing, write_json
from memorization.verification.branches import Branch, Finding, stage_of, step_of
from memorization.verification.command import Verified
from memorization.verification.curves import AROUND, FACTOR, NATS, SHRINKAGE
from memorization.verification.embeddings import THRESHOLD
from memorization.verification.pieces import EMBEDDINGS, ROWS

HEADS = ("repository", "wrong", "branches", "what is wrong")


def terminal(verified: Verified) -> str:
    """Return a table for people: a line for the branches of which the same is wrong."""
    rows = [HEADS, *grouped(verified)] if verified.findings else []
    widths = [max(len(row[column]) for row in rows) for column in range(3)] if rows else []
    lines = [
        "  ".join([*(cell.ljust(width) for cell, width in zip(short, widths, strict=True)), last])
        for *short, last in rows
    ]
    return "\n".join([*lines, *exclusions(verified), summary(verified)])


def exclusions(verified: Verified) -> list[str]:
    """Return the lines of params.yaml that leave the wrong checkpoints out of a scan.

    Of those alone that a scan may read: others would be an error there.
    """
    lines = [
        f"    {name}: {kinds}"
        for name, kinds in verified.excluded.items()
        if name in verified.scannable
    ]
    if not lines:
        return []
    return [
        "",
        "To leave these out of a scan, in params.yaml:",
        "labels:",
        "  exclude:",
        *lines,
        "",
    ]


def summary(verified: Verified) -> str:
    """Return in a sentence how many branches were verified and are wrong."""
    wrong = len({finding.place for finding in verified.findings})
    said = (
        f"branches: {len(verified.branches):,}; "
        f"{f'wrong or missing: {wrong:,}' if wrong else 'nothing wrong was found'}"
    )
    if verified.unread:
        said += f"; without an embedding that could be read: {verified.unread:,}"
    measured = (verified.measured or {}).values()
    without = sum(own.loss is None and not own.not_finite for own in measured)
    return said + (f"; without a tokenizer, so without a loss: {without:,}" if without else "")


def grouped(verified: Verified) -> list[tuple[str, str, str, str]]:
    """Return repository, kind, branches and detail of what was found, alike ones in one row."""
    # What runs of steps are made of: all steps of a stage that are there or should be.
    steps: dict[tuple[str, str], set[int]] = {}
    places = [*(own.place for own in verified.branches), *(own.place for own in verified.findings)]
    for repository, branch in places:
        step = step_of(branch)
        if step is not None:
            steps.setdefault((repository, stage_of(branch)), set()).add(step)
    groups: dict[tuple[str, str, str, str], list[Finding]] = {}
    for finding in verified.findings:
        key = (finding.repository, stage_of(finding.branch), finding.kind.value, finding.detail)
        groups.setdefault(key, []).append(finding)
    rows = []
    for (repository, stage, kind, detail), found in groups.items():
        own_steps = sorted(finding.step for finding in found if finding.step is not None)
        known = sorted(steps.get((repository, stage), ()))
        text = f"{stage} {runs(own_steps, known)}".lstrip() if own_steps else "main"
        rows.append((repository, kind, text, detail))
    return sorted(rows, key=lambda row: row[0])


def runs(some: Sequence[int], steps: Sequence[int]) -> str:
    """Return some steps as people write them; those in a row among all steps as a range.

    >>> runs([0, 1, 2, 1000, 3000], [0, 1, 2, 4, 1000, 2000, 3000])
    'step 0–2, 1000, 3000'
    """
    place = {step: number for number, step in enumerate(steps)}
    parts: list[list[int]] = []
    for step in some:
        if parts and place[step] == place[parts[-1][-1]] + 1:
            parts[-1].append(step)
        else:
            parts.append([step])
    return "step " + ", ".join(
        str(part[0]) if len(part) == 1 else f"{part[0]}–{part[-1]}" for part in parts
    )


def check_format(output: Path) -> None:
    """Raise a `UserError` if the name of a file to write does not say one of the formats."""
    if output.suffix not in WRITERS:
        raise UserError(f"--output={output}: must end in {', '.join(WRITERS)}")


def write(verified: Verified, output: Path) -> None:
    """Write what was found, in the format that the file's name says."""
    WRITERS[output.suffix](verified, output)


def _write_json(verified: Verified, output: Path) -> None:
    values: dict[str, Any] = {
        "summary": summary(verified),
        "exclude": verified.excluded,
        "findings": [asdict(finding) for finding in verified.findings],
        "ranges": None
        if verified.unread is None
        else {
            "tensors": EMBEDDINGS,
            "bytes": ROWS,
            "threshold": THRESHOLD,
            "unread": verified.unread,
        },
        "weights": None
        if verified.measured is None
        else {"factor": FACTOR, "nats": NATS, "around": AROUND, "shrinkage": SHRINKAGE},
        "branches": [
            {
                "repository": branch.repository,
                "branch": branch.name,
                "commit": branch.commit,
                "weights": {name: file._asdict() for name, file in branch.weights.items()},
                **_curves(verified, branch),
            }
            for branch in verified.branches
        ],
    }
    write_json(values, output)


def _curves(verified: Verified, branch: Branch) -> dict[str, float]:
    """Return norm and loss of a branch, those that were measured and are finite."""
    own = (verified.measured or {}).get(branch)
    said = {} if own is None else {"norm": own.norm, "loss": own.loss}
    return {
        name: value for name, value in said.items() if value is not None and math.isfinite(value)
    }


def _write_parquet(verified: Verified, output: Path) -> None:
    """Write a row for each file of weights; one without a file for a branch that has none."""
    kinds: dict[tuple[str, str], list[str]] = {}
    for finding in verified.findings:
        kinds.setdefault(finding.place, []).append(finding.kind.value)
    rows: list[tuple[Any, ...]] = [
        (*branch.place, branch.step, branch.commit, name, *file)
        for branch in verified.branches
        for name, file in branch.weights.items()
    ]
    told = {row[:2] for row in rows}
    rest: list[tuple[Any, ...]] = [
        *((*own.place, own.step, own.commit) for own in verified.branches),
        *((*own.place, own.step, None) for own in verified.findings),
    ]
    for row in rest:
        if row[:2] not in told:
            told.add(row[:2])
            rows.append((*row, None, None, None))
    types = [pa.string(), pa.string(), pa.int64(), *2 * [pa.string()], pa.int64(), pa.string()]
    names = ["repository", "branch", "step", "commit", "file", "size", "digest"]
    columns = [pa.array([row[i] for row in rows], type) for i, type in enumerate(types)]
    wrong = pa.array([kinds.get(row[:2], []) for row in rows], pa.list_(pa.string()))
    with replacing(output) as partial:
        parquet.write_table(pa.table([*columns, wrong], names=[*names, "wrong"]), partial)


def _write_markdown(verified: Verified, output: Path) -> None:
    rows = [HEADS, ("---",) * len(HEADS), *grouped(verified)] if verified.findings else []
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    with replacing(output) as partial:
        partial.write_text("\n".join([*lines, "", summary(verified), ""]).lstrip("\n"), "utf-8")


WRITERS: dict[str, Callable[[Verified, Path], None]] = {
    ".json": _write_json,
    ".parquet": _write_parquet,
    ".md": _write_markdown,
}
