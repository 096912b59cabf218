"""Compare two runs of the study: python benchmarks/compare_runs.py OLD NEW

OLD and NEW are repositories that `dvc repro` has run in, for instance before and after a change of
the code that should change no number; or OLD is a fresh clone, with what was committed, and NEW was
made on a machine of another make. Says of every table, model, metric and page of the paper whether
it has the same bytes; of metrics that have not, how many values differ, how many of those with an
interval lie in that of OLD, and by how many Monte-Carlo standard errors the bounds of bootstrap
intervals differ; and how many of the paper's claims that can be asked hold in each. Exit status 1
if a value differs that is no bound of an interval, or a bound by more than `LARGEST`.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

FOLDERS = ("results", "paper")
# Work in progress, records of it, and what belongs to Quarto.
IGNORED = (".partial", ".made", "_output", ".quarto", ".gitignore", "references.bib", "index.qmd")
# Of an end of an interval from 400 replicates, in interval widths: half of one over sqrt(2 r), as
# the standard error has it; of a difference.
STANDARD_ERROR = math.sqrt(2) * 0.5 / math.sqrt(2 * 400)
# Bounds of skewed metrics are less sure than those of a normal one.
LARGEST = 8.0
# Files hold six digits: an interval that is not wider has no width.
NARROW = 1e-5
CLAIMS = "paper/claims.json"


def files(root: Path) -> set[str]:
    """Return the files of a run, from its root."""
    found = (path for folder in FOLDERS for path in (root / folder).rglob("*") if path.is_file())
    names = (path.relative_to(root).as_posix() for path in found)
    return {name for name in names if not set(name.split("/")) & set(IGNORED)}


def leaves(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield every number, text or null of nested metrics with its path."""
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, item in items:
            yield from leaves(item, (*path, str(key)))
    else:
        yield path, value


def compare_metrics(old: Path, new: Path) -> tuple[str, bool]:
    """Return what is to be said of two metrics files, and whether it may be."""
    before, after = (dict(leaves(json.loads(path.read_text("utf-8")))) for path in (old, new))
    keys = sorted(before.keys() ^ after.keys())
    differ = [key for key in before.keys() & after.keys() if before[key] != after[key]]
    bounds = [key for key in differ if key[-1] in ("low", "high") or "_low" in "".join(key[-2:])]
    values = [".".join(key) for key in differ if key not in bounds]
    errors = []
    for key in bounds:
        low, high = (before.get((*key[:-1], name)) for name in ("low", "high"))
        if None not in (low, high, before[key], after[key]) and high > low:
            errors.append(abs(before[key] - after[key]) / (high - low) / STANDARD_ERROR)
    largest = max(errors, default=0.0)
    inside = list(in_interval(before, after))
    said = [f"{len(before)} leaves"]
    if keys:
        said.append(f"in one run only: {', '.join('.'.join(key) for key in keys[:9])}")
    if values:
        said.append(f"{len(values)} values differ: {', '.join(sorted(values)[:9])}")
        said.append(f"of {len(inside)} with an interval {sum(inside)} lie in it")
    if bounds:
        said.append(f"{len(bounds)} bounds differ, by {largest:.1f} standard errors at most")
    return "; ".join(said), not (keys or values) and largest <= LARGEST


def in_interval(
    before: dict[tuple[str, ...], Any], after: dict[tuple[str, ...], Any]
) -> Iterator[bool]:
    """Yield of each value with an interval whether the other run's lies in that."""
    for key, own in before.items():
        if key[-1] == "value":
            low, high = (before.get((*key[:-1], name)) for name in ("low", "high"))
            other = after.get(key)
            if None not in (own, low, high, other) and high - low > NARROW:
                yield low <= other <= high


def claims(root: Path) -> str:
    """Return how many claims hold of those that can be asked in a run, and which do not."""
    found = json.loads((root / CLAIMS).read_text("utf-8"))["claims"]
    asked = {name: own["holds"] for name, own in found.items() if own["asked"]}
    lost = [name for name, holds in asked.items() if not holds]
    return f"{len(asked) - len(lost)} of {len(asked)} claims hold{': not '.join(['', *lost])}"


def compare_tables(old: Path, new: Path) -> str:
    """Return which columns of two tables differ."""
    before, after = pd.read_parquet(old), pd.read_parquet(new)
    if list(before) != list(after) or len(before) != len(after):
        lost = sorted(set(before) ^ set(after))
        return f"{before.shape} against {after.shape}; columns of one alone: {lost}"
    differ = [
        name for name in before if not before[name].astype(str).equals(after[name].astype(str))
    ]
    return f"columns that differ: {differ}" if differ else "equal values, other bytes"


def compare_variables(old: Path, new: Path) -> tuple[str, bool]:
    """Return which of the manuscript's variables are gone or differ."""
    before, after = (dict(leaves(yaml.safe_load(path.read_text("utf-8")))) for path in (old, new))
    gone, come = before.keys() - after.keys(), after.keys() - before.keys()
    both = before.keys() & after.keys()
    differ = sorted(".".join(key) for key in both if before[key] != after[key])
    return f"{len(gone)} gone, {len(come)} new, {len(differ)} differ: {differ[:9]}", not differ


def main(old: Path, new: Path) -> int:
    """Print the comparison; return the exit status."""
    wrong = 0
    both = files(old) & files(new)
    for name in sorted(files(old) ^ both):
        print(f"only in {old}: {name}")
    for name in sorted(files(new) ^ both):
        print(f"only in {new}: {name}")
    same = 0
    for name in sorted(both):
        one, other = old / name, new / name
        if one.read_bytes() == other.read_bytes():
            same += 1
            continue
        fine = False
        if name.startswith("results/metrics/"):
            said, fine = compare_metrics(one, other)
        elif name.endswith(".parquet"):
            said = compare_tables(one, other)
        elif name.endswith(("_variables.yml", "claims.json")):
            said, fine = compare_variables(one, other)
        else:
            said = "other bytes"
        wrong += not fine
        print(f"{'differs' if not fine else 'may differ'}: {name}: {said}")
    print(f"{same} files have the same bytes")
    for root in (old, new):
        print(f"{root}: {claims(root)}")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
