"""The survival models, one line each in `MODELS`; ``model`` says what one is."""

from __future__ import annotations

from memorization.when.models.accumulation import Accumulation
from memorization.when.models.aft import AFT
from memorization.when.models.cox import Cox
from memorization.when.models.forest import Forest
from memorization.when.models.intensities import (
    Boosting,
    Count,
    ExposureClock,
    Logistic,
    WithoutText,
)
from memorization.when.models.kaplan_meier import KaplanMeier, KaplanMeierStrata
from memorization.when.models.model import SurvivalModel

MODELS: dict[str, type[SurvivalModel]] = {
    "kaplan_meier": KaplanMeier,
    "kaplan_meier_strata": KaplanMeierStrata,
    "count": Count,
    "exposure_clock": ExposureClock,
    "accumulation": Accumulation,
    "aft": AFT,
    "cox": Cox,
    "forest": Forest,
    "logistic": Logistic,
    "boosting": Boosting,
    "without_text": WithoutText,
}
