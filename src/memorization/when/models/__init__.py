"""The survival models: one module each, one line in `MODELS`."""

from __future__ import annotations

from memorization.errors import UserError
from memorization.when.models.cox import Cox
from memorization.when.models.forest import Forest
from memorization.when.models.hazard import Hazard
from memorization.when.models.hazard_boosting import HazardBoosting
from memorization.when.models.kaplan_meier import KaplanMeier, KaplanMeierStrata
from memorization.when.models.model import SurvivalModel

MODELS: dict[str, type[SurvivalModel]] = {
    "kaplan_meier": KaplanMeier,
    "kaplan_meier_strata": KaplanMeierStrata,
    "cox": Cox,
    "forest": Forest,
    "hazard": Hazard,
    "hazard_boosting": HazardBoosting,
}

# Those that use no feature, or one.
BASELINES = ("kaplan_meier", "kaplan_meier_strata")


def chosen(names: tuple[str, ...]) -> dict[str, type[SurvivalModel]]:
    """Return the models of these names.

    Raises
    ------
    UserError
        If a name is unknown or given twice.
    """
    for position, name in enumerate(names):
        if name not in MODELS:
            raise UserError(f"when.models: no model '{name}'; the models are: {', '.join(MODELS)}")
        if name in names[:position]:
            raise UserError(f"when.models: '{name}' is listed twice; list it once")
    return {name: MODELS[name] for name in names}


__all__ = ["BASELINES", "MODELS", "SurvivalModel", "chosen"]
