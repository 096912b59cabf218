"""The order of the package's parts, and what breaks it."""

import ast
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from pathlib import Path

from memorization.sources import PACKAGE, file_of, imports

# Each line imports only from the lines before it, never from beside it. A new module or package at
# the top of src/memorization/ belongs into one of them.
LAYERS = """
cluster errors files params parallel progress protocol randomness registered resume sampling \
sources strata tables
counting
extraction
suite
labels features
split
study
evaluation
intensities
siblings whether when arm
association seeds
report
risk
harness planning validation verification
stages cli
"""
# The first line is the foundation, whose modules may build on one another.
RANK = {
    name: rank for rank, layer in enumerate(LAYERS.strip().split("\n")) for name in layer.split()
}
WHERE = "tests/structure/layers.py"
MOST_FILES, REASON = 12, "More than twelve files:"


def upward_imports(package: Path = PACKAGE) -> list[str]:
    """Return each import of a part that does not come before, and each part of no layer."""
    found = [
        f"{part}: of no layer; add it to LAYERS in {WHERE}"
        for part in sorted({_part(file, package) for file in _modules(package)})
        if part not in (*RANK, "__init__")
    ]
    for file in _modules(package):
        own = _part(file, package)
        for module, line in imports(file, package):
            other = module.split(".")[1] if "." in module else "__init__"
            if own == other or own not in RANK or RANK.get(other, -1) < RANK[own]:
                continue
            if RANK[own] > 0 or RANK[other] > 0:
                where = f"{file.relative_to(package.parents[1])}:{line}"
                found.append(f"{where}: imports {module}, but {own} does not come after {other}")
    return found


def circles(package: Path = PACKAGE) -> list[str]:
    """Return the imports of one circle of modules, file by file; nothing if there is none."""
    graph: dict[Path, dict[Path, int]] = {}
    for file in _modules(package):
        lines = graph.setdefault(file, {})
        for module, line in imports(file, package):
            imported = file_of(module, package)
            assert imported, f"{file}:{line}: imports {module}, which is not there"
            lines.setdefault(imported, line)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        # In the order in which each is imported by the next.
        circle = error.args[1]
        return [
            f"{user.relative_to(package.parents[1])}:{graph[user][used]}: imports "
            f"{used.relative_to(package.parents[1])}, and that in a circle {user.name} again"
            for used, user in pairwise(circle)
        ]
    return []


def crowded_packages(package: Path = PACKAGE) -> list[str]:
    """Return each folder with too many modules whose docstring does not say why."""
    found = []
    for init in sorted(package.rglob("__init__.py")):
        n = len([file for file in init.parent.glob("*.py") if file != init])
        reason = ast.get_docstring(ast.parse(init.read_text("utf-8"))) or ""
        if n > MOST_FILES and REASON not in reason:
            found.append(
                f"{init.relative_to(package.parents[1])}:1: {n} files side by side; group them, or "
                f"say why not in a sentence of the docstring that begins '{REASON}'"
            )
    return found


def _modules(package: Path) -> list[Path]:
    return sorted(package.rglob("*.py"))


def _part(file: Path, package: Path) -> str:
    return file.relative_to(package).parts[0].removesuffix(".py")
