"""The classifiers: one module each, one line in `MODELS`.

``classifier`` says what one is; ``baselines`` are what it must beat, and always run.
"""

from __future__ import annotations

from memorization.whether.models.baselines import (
    ContinuationCount,
    DuplicateCount,
    Prevalence,
    SmallerSibling,
)
from memorization.whether.models.boosting import Boosting
from memorization.whether.models.classifier import BinaryModel
from memorization.whether.models.logistic import Logistic

MODELS: dict[str, type[BinaryModel]] = {
    "logistic": Logistic,
    "boosting": Boosting,
}

BASELINES: dict[str, type[BinaryModel]] = {
    "prevalence": Prevalence,
    "duplicate_count": DuplicateCount,
    "continuation_count": ContinuationCount,
    "smaller_sibling": SmallerSibling,
}
