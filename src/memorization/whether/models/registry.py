"""The classifiers by name. A new one is one new module with a ``fit``, and one line here."""

from __future__ import annotations

from memorization.whether.models import boosting, logistic
from memorization.whether.models.fitted import ModelFit

MODELS: dict[str, ModelFit] = {
    "logistic": logistic.fit,
    "boosting": boosting.fit,
}
