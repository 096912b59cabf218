"""The names that params.yaml may list: of feature families, of classifiers, of survival models.

Every stage reads the parameters, and must not import every model for that, nor run again when one
changes. So the names are taken from the registries' source, which is read and not run; the
registries themselves refuse an unknown name once more, where they are asked for it.
"""

from __future__ import annotations

import ast
import functools
import re
from pathlib import Path

PACKAGE = Path(__file__).parent
MODELS = {
    "whether.models": "whether/models/__init__.py",
    "when.models": "when/models/__init__.py",
}


@functools.cache
def registered(parameter: str) -> tuple[str, ...]:
    """Return the names that a parameter may list, in the order of its registry.

    Parameters
    ----------
    parameter : ``features.families``, ``whether.models`` or ``when.models``.

    >>> registered("whether.models")
    ('logistic', 'boosting', 'stacked')
    """
    if parameter in MODELS:
        models = _assigned(MODELS[parameter], "MODELS")
        assert isinstance(models, ast.Dict)
        return tuple(ast.literal_eval(key) for key in models.keys if key is not None)
    modules = ast.literal_eval(_assigned("features/registry.py", "MODULES"))
    texts = [(PACKAGE / "features" / f"{name}.py").read_text("utf-8") for name in modules]
    return tuple(
        name for text in texts for name in re.findall(r'^FAMILY = Family\(\s*"(\w+)"', text, re.M)
    )


def _assigned(file: str, name: str) -> ast.expr:
    """Return the expression that a module of the package assigns to a name at its top."""
    for node in ast.parse((PACKAGE / file).read_text("utf-8")).body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if name in [target.id for target in targets if isinstance(target, ast.Name)]:
            assert isinstance(node, ast.Assign | ast.AnnAssign)
            assert node.value is not None
            return node.value
    raise ValueError(f"{file}: assigns nothing to {name}")
