"""The names that params.yaml may hold: of feature families, classifiers, survival models, targets.

Every stage reads the parameters, and must not import every model for that, nor run again when one
changes. So the names are taken from the registries' source, which is read and not run, and from the
declarations of published suites. The registries themselves refuse an unknown name once more, where
they are asked for it.
"""

from __future__ import annotations

import ast
import functools
import re
import tomllib
from pathlib import Path

PACKAGE = Path(__file__).parent
MODELS = {
    "whether.models": "whether/models/__init__.py",
    "when.models": "when/models/__init__.py",
}
# Models of one part of the features, of which there may be none.
PARTIAL = ("without_text",)


@functools.cache
def registered(parameter: str) -> tuple[str, ...]:
    """Return the names that a parameter may list, in the order of its registry.

    Parameters
    ----------
    parameter : ``features.families``, ``whether.models`` or ``when.models``.

    >>> registered("whether.models")
    ('logistic', 'boosting', 'stacked', 'without_text')
    """
    if parameter in MODELS:
        return tuple(_models(parameter))
    modules = ast.literal_eval(_assigned("features/registry.py", "MODULES"))
    texts = [(PACKAGE / "features" / f"{name}.py").read_text("utf-8") for name in modules]
    return tuple(
        name for text in texts for name in re.findall(r'^FAMILY = Family\(\s*"(\w+)"', text, re.M)
    )


@functools.cache
def published() -> dict[str, tuple[str, int]]:
    """Return target -> suite and number of checkpoints, of all published suites to be studied.

    Those of :mod:`memorization.suite.declared`, which may say more of them.

    >>> published()["1.4b"], published()["31m-seed7"]
    (('pythia', 143), ('polypythias', 143))
    """
    files = {
        path.stem: tomllib.loads(path.read_text("utf-8"))
        for path in sorted((PACKAGE / "suite" / "declared").glob("*.toml"))
    }
    found = {}
    for suite, said in files.items():
        if said.get("layout") == "checkpoints":
            continue
        usual = said.get("steps") or files[said["extends"]]["steps"]
        own = {model["name"]: model.get("steps", usual) for model in said["models"]}
        runs = [
            (f"{model}-{run}", model)
            for declared in said.get("runs", [])
            for model in declared["models"]
            for run in declared["names"]
        ]
        for target, model in runs or [(name, name) for name in own]:
            steps = own.get(model, usual)
            found[target] = (suite, -(-steps["last"] // steps["every"]))
    return found


@functools.cache
def required(parameter: str) -> tuple[str, ...]:
    """Return the models of which one must be listed, or there is nothing to report.

    Of survival models all that are no baselines; of classifiers those of features alone, whose
    importance is measured. In both cases without those that some data give no features to.

    Parameters
    ----------
    parameter : ``whether.models`` or ``when.models``.

    >>> required("whether.models")
    ('logistic', 'boosting')
    """
    folder = (PACKAGE / MODELS[parameter]).parent
    classes = {
        node.name: node
        for path in sorted(folder.glob("*.py"))
        for node in ast.parse(path.read_text("utf-8")).body
        if isinstance(node, ast.ClassDef)
    }
    found = []
    for name, model in _models(parameter).items():
        ancestry = _ancestry(model, classes)
        of_features = any(one.name == "FeatureModel" for one in ancestry)
        is_used = (of_features or parameter == "when.models") and name not in PARTIAL
        if not _is_baseline(ancestry) and is_used:
            found.append(name)
    return tuple(found)


def _models(parameter: str) -> dict[str, str]:
    """Return name -> class of a registry."""
    models = _assigned(MODELS[parameter], "MODELS")
    assert isinstance(models, ast.Dict)
    pairs = zip(models.keys, models.values, strict=True)
    return {ast.literal_eval(key): ast.unparse(value) for key, value in pairs if key is not None}


def _ancestry(name: str, classes: dict[str, ast.ClassDef]) -> list[ast.ClassDef]:
    """Return a class and all that it inherits from, of those that are known."""
    if name not in classes:
        return []
    bases = [ast.unparse(base) for base in classes[name].bases]
    return [classes[name], *(one for base in bases for one in _ancestry(base, classes))]


def _is_baseline(ancestry: list[ast.ClassDef]) -> bool:
    """Return what the nearest of a class and its ancestors says; False where none says it."""
    for one in ancestry:
        for line in one.body:
            if re.match("is_baseline( =|:)", ast.unparse(line)):
                assert isinstance(line, ast.Assign | ast.AnnAssign)
                assert line.value is not None
                return bool(ast.literal_eval(line.value))
    return False


def _assigned(file: str, name: str) -> ast.expr:
    """Return the expression that a module of the package assigns to a name at its top."""
    for node in ast.parse((PACKAGE / file).read_text("utf-8")).body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if name in [target.id for target in targets if isinstance(target, ast.Name)]:
            assert isinstance(node, ast.Assign | ast.AnnAssign)
            assert node.value is not None
            return node.value
    raise ValueError(f"{file}: assigns nothing to {name}")
