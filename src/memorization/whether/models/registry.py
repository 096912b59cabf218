"""The classifiers by name. A new one is one new module with a ``fit``, and one line here."""

from __future__ import annotations

from collections.abc import Iterable

from memorization.errors import UserError
from memorization.whether.models import boosting, logistic
from memorization.whether.models.fitted import ModelFit

MODELS: dict[str, ModelFit] = {
    "logistic": logistic.fit,
    "boosting": boosting.fit,
}


def models_named(names: Iterable[str]) -> dict[str, ModelFit]:
    """Return the classifiers of these names, in this order.

    Raises
    ------
    UserError
        If a name is unknown or comes twice.
    """
    chosen: dict[str, ModelFit] = {}
    for name in names:
        if name not in MODELS:
            raise UserError(
                f"whether.models: no model '{name}'; the models are: {', '.join(MODELS)}"
            )
        if name in chosen:
            raise UserError(f"whether.models: '{name}' is listed twice; list it once")
        chosen[name] = MODELS[name]
    return chosen
