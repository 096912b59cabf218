"""Which files of this package a module runs, and one digest of what they do."""

from __future__ import annotations

import ast
import functools
import hashlib
from collections.abc import Collection, Iterator
from importlib.util import resolve_name
from pathlib import Path

PACKAGE = Path(__file__).parent
# No result depends on what these do: they tell the user something, decide what need not be made
# again, or check parameters, of which the values count, beside the code.
WITHOUT_EFFECT = tuple(
    f"memorization.{name}"
    for name in ("errors", "params", "progress", "registered", "resume", "sources")
)


def code_digest(*modules: str, apart: Collection[str] = ()) -> str:
    """Return one SHA-256 of what some modules and all that they import do.

    It is that of the parsed code, without docstrings and comments and wherever the lines are, so
    that only a change of what runs gives another digest; `WITHOUT_EFFECT` has no part in it.

    Parameters
    ----------
    modules, apart : as for `sources`.
    """
    total = hashlib.sha256()
    for file in sources(*modules, apart=(*WITHOUT_EFFECT, *apart)):
        total.update(file.relative_to(PACKAGE).as_posix().encode() + b"\0")
        runs = ast.dump(_code(file.read_text("utf-8"))).encode() if file.suffix == ".py" else None
        total.update((file.read_bytes() if runs is None else runs) + b"\0")
    return total.hexdigest()


def sources(*modules: str, apart: Collection[str] = (), package: Path = PACKAGE) -> list[Path]:
    """Return the files of the package that some modules are made of, sorted.

    These are the modules themselves, the modules that they import, inside functions too, the
    ``__init__.py`` of each package on the way, and the files that they read from their own folder.

    Parameters
    ----------
    modules : their full names.
    apart : modules and packages that are not followed.
    package : the folder of the whole package.

    Raises
    ------
    ValueError
        If there is no such module.
    """
    found: set[Path] = set()
    todo = list(modules)
    while todo:
        module = todo.pop()
        if any(f"{module}.".startswith(f"{name}.") for name in apart):
            continue
        file = file_of(module, package)
        if file is None:
            raise ValueError(f"{module}: there is no such module in {package}")
        if file not in found:
            found |= {file, *_read_beside(file)}
            todo += [name for name, _ in imports(file, package)]
            todo += [module.rpartition(".")[0]] if "." in module else []
    return sorted(found)


def imports(file: Path, package: Path = PACKAGE) -> Iterator[tuple[str, int]]:
    """Yield each module of the package that a file imports when it runs, and the line.

    Those that it imports for a type checker only, under ``if TYPE_CHECKING:``, are not among them.
    A file that uses ``import_module`` imports every module of its folder that it names.
    """
    inside = ".".join(file.parent.relative_to(package.parent).parts)
    nodes, strings = _imports_and_strings(file.read_text("utf-8"))
    for node in nodes:
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            base = resolve_name("." * node.level + (node.module or ""), inside)
            members = [f"{base}.{alias.name}" for alias in node.names]
            names = [name if file_of(name, package) else base for name in members]
            if "importlib.import_module" in members:
                named = sorted(f"{inside}.{name}" for name in strings if name.isidentifier())
                names = [name for name in named if file_of(name, package)]
        for name in dict.fromkeys(names):
            if name.split(".")[0] == package.name:
                yield name, node.lineno


def file_of(module: str, package: Path = PACKAGE) -> Path | None:
    """Return the file of a module or package by its full name, or None."""
    place = package.parent.joinpath(*module.split("."))
    files = (place / "__init__.py", place.with_name(f"{place.name}.py"))
    return next((file for file in files if file.is_file()), None)


def _read_beside(file: Path) -> list[Path]:
    """Return the files of a module's folder that its code names: styles, coefficients."""
    strings = _imports_and_strings(file.read_text("utf-8"))[1]
    return [path for path in file.parent.glob("*.*") if path.name in strings and path != file]


@functools.lru_cache(maxsize=1024)
def _imports_and_strings(text: str) -> tuple[list[ast.Import | ast.ImportFrom], set[str]]:
    nodes = list(ast.walk(_code(text)))
    strings = {n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)}
    return [node for node in nodes if isinstance(node, ast.Import | ast.ImportFrom)], strings


def _code(text: str) -> ast.Module:
    """Return what of a module's text runs."""
    return _Running().visit(ast.parse(text))


class _Running(ast.NodeTransformer):
    """Leaves out strings that stand alone, as docstrings do, and what only a type checker reads."""

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        value = node.value
        is_text = isinstance(value, ast.Constant) and isinstance(value.value, str)
        return None if is_text else self.generic_visit(node)

    def visit_If(self, node: ast.If) -> ast.AST | list[ast.stmt]:
        self.generic_visit(node)
        is_for_types = ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")
        return node.orelse if is_for_types else node
