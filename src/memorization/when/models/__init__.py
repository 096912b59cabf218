"""The survival models: one module each, one line in `MODELS`."""

from __future__ import annotations

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
