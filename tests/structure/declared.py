"""What each stage of dvc.yaml reads, as its code tells; run as a script, writes it there.

    python tests/structure/declared.py

Of ``deps`` it rewrites the lines below src/, of ``params`` all; comments and the rest stay.
"""

import ast
import functools
import re
from collections.abc import Iterator
from pathlib import Path

import yaml
from pydantic import BaseModel

from memorization.params import Params
from memorization.sources import PACKAGE, file_of, sources

PIPELINE = Path(__file__).parents[2] / "dvc.yaml"
WIDTH = 100
HIDDEN = "call the object `params` and read each parameter by its whole name: params.split.folds"


def mistakes(text: str, package: Path = PACKAGE) -> list[str]:
    """Return what is missing from the stages of a dvc.yaml, and what they have too much."""
    declared, right = yaml.safe_load(text), yaml.safe_load(rewritten(text, package))
    found = []
    for stage, content in right["stages"].items():
        for key in ("deps", "params"):
            has, needs = declared["stages"][stage].get(key, []), content[key]
            lines = [f"add    - {line}" for line in needs if line not in has]
            lines += [f"remove - {line}" for line in has if line not in needs]
            lines += [f"twice  - {line}" for line in set(has) if has.count(line) > 1]
            found += [f"dvc.yaml: stage '{stage}': {key}: {line}" for line in lines]
    return found


def rewritten(text: str, package: Path = PACKAGE) -> str:
    """Return the text of a dvc.yaml with the sources and params that each stage reads."""
    parts = re.split(r"(?m)^(?=  \w+:)", text)
    return "".join(_rewritten_stage(part, package) for part in parts)


def _rewritten_stage(text: str, package: Path) -> str:
    command = re.search(r"python -m memorization\.stages\.(\w+)\n", text)
    if command is None:
        return text
    deps = "".join(f"      - {path}\n" for path in source_deps(command[1], package))
    text = re.sub(r"(?m)^      - src/.*\n", "", text)
    text = re.sub(r"(?m)^    deps:\n(?:      .*\n)*", lambda found: found[0] + deps, text)
    names = params_read(command[1], package)
    params = f"    params: [{', '.join(names)}]\n"
    if len(params) > WIDTH:
        params = "    params:\n" + "".join(f"      - {name}\n" for name in names)
    return re.sub(r"(?m)^    params:.*\n(?:      .*\n)*", lambda _: params, text)


def source_deps(stage: str, package: Path = PACKAGE) -> list[str]:
    """Return the files that a stage's code is made of; a folder in place of all of its files."""
    root = package.parents[1]
    files = set(sources(f"{package.name}.stages.{stage}", package=package))
    return sorted(path.relative_to(root).as_posix() for path in _whole_folders(package, files))


def _whole_folders(folder: Path, files: set[Path]) -> list[Path]:
    # Compiled code, Python's and Numba's, is no file of ours; .dvcignore leaves it out as well.
    inside = {
        path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts
    }
    if inside and inside <= files:
        return [folder]
    here = [path for path in folder.iterdir() if path in files]
    below = [path for path in folder.iterdir() if path.is_dir() and path.name != "__pycache__"]
    return here + [path for deeper in below for path in _whole_folders(deeper, files)]


def params_read(stage: str, package: Path = PACKAGE) -> list[str]:
    """Return the parameters that a stage's code reads; a section in place of all of its own."""
    own = file_of(f"{package.name}.params", package)
    read: set[str] = set()
    for file in sources(f"{package.name}.stages.{stage}", package=package):
        text = file.read_text("utf-8") if file.suffix in (".py", ".yaml") and file != own else ""
        for name in reads(file, text) if file.suffix == ".py" else reads_as_data(text):
            read |= set(_parameters(name))
    return sorted(_whole_sections(read))


@functools.cache
def reads(file: Path, text: str) -> list[str]:
    """Return the parameters and sections that a file reads, such as ``split.folds``.

    Raises
    ------
    ValueError
        If what it reads cannot be told, because the object of all parameters is not called
        ``params``, or a parameter's name is computed.
    """
    found = []
    tree = ast.parse(text)
    inner = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    for node in ast.walk(tree):
        if _hides_params(node):
            raise ValueError(f"{file}:{node.lineno}: {ast.unparse(node)}: {HIDDEN}")
        if isinstance(node, ast.Attribute) and id(node) not in inner:
            text = ast.unparse(node).replace("load_params()", "params")
            if re.fullmatch(r"[\w.]+", text) and "params" in (names := text.split("."))[:-1]:
                found += _known(names[names.index("params") + 1 :])
    return found


def reads_as_data(text: str) -> list[str]:
    """Return the parameters that paths of a YAML file name, such as ``{params.split.folds:count}``.

    >>> reads_as_data("lottery: params.arm.enabled == true  # see params.yaml")
    ['arm.enabled']
    """
    chains = re.findall(r"\bparams\.([\w.]*\w)", text)
    return [name for chain in chains for name in _known(chain.split("."))]


def _hides_params(node: ast.AST) -> bool:
    """Return whether code gives all parameters another name, or reads them by a computed one."""
    if isinstance(node, ast.Call):
        return bool(re.match(r"(getattr|vars)\((\w+\.)*params\b(?!\.)", ast.unparse(node)))
    if isinstance(node, ast.Attribute):
        return bool(re.search(r"\bparams\.(model_dump|__dict__)", ast.unparse(node)))
    if isinstance(node, ast.Assign):
        is_all = re.fullmatch(r"load_params\(.*\)|(\w+\.)*params", ast.unparse(node.value))
        return bool(is_all) and ast.unparse(node.targets[0]).split(".")[-1] != "params"
    if isinstance(node, ast.arg | ast.AnnAssign) and node.annotation is not None:
        is_all = re.search(r"\bParams\b", ast.unparse(node.annotation))
        return bool(is_all) and not re.match(r"(\w+\.)*params:", ast.unparse(node))
    return False


def _known(names: list[str]) -> list[str]:
    """Return the parameter that a chain of attributes reads; of a property, all that this reads."""
    if names[0] not in Params.model_fields:
        return [name for chain in _properties().get(names[0], []) for name in _known(chain)]
    known: list[str] = []
    kind: object = Params
    for name in names:
        if not _is_section(kind) or name not in kind.model_fields:
            break  # what is done with the value
        known.append(name)
        kind = kind.model_fields[name].annotation
    return [".".join(known)]


@functools.cache
def _properties() -> dict[str, list[list[str]]]:
    """Return the chains of attributes of itself that each method of `Params` reads."""
    tree = ast.parse(file_of("memorization.params").read_text("utf-8"))
    methods = [
        method
        for node in tree.body
        if isinstance(node, ast.ClassDef) and node.name == "Params"
        for method in node.body
        if isinstance(method, ast.FunctionDef)
    ]
    return {
        method.name: [
            chain.split(".") for chain in re.findall(r"\bself\.([\w.]+)", ast.unparse(method))
        ]
        for method in methods
    }


def _is_section(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _parameters(name: str) -> Iterator[str]:
    """Yield the parameters below a section, or the parameter itself."""
    kind: object = Params
    for part in filter(None, name.split(".")):
        kind = kind.model_fields[part].annotation
    if not _is_section(kind):
        yield name
        return
    for part in kind.model_fields:
        yield from _parameters(f"{name}.{part}".lstrip("."))


def _whole_sections(read: set[str], section: str = "") -> Iterator[str]:
    """Yield the largest sections of which all is read, and what else is."""
    inside = set(_parameters(section))
    if section and inside <= read:
        yield section
    elif inside & read:
        parts = {name.removeprefix(f"{section}.").split(".")[0] for name in inside}
        for part in parts:
            yield from _whole_sections(read, f"{section}.{part}".lstrip("."))


if __name__ == "__main__":
    PIPELINE.write_text(rewritten(PIPELINE.read_text("utf-8")), "utf-8")
