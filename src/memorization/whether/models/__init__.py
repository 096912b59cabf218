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
from memorization.whether.models.ngrams import NGrams
from memorization.whether.models.single_feature import SingleFeature
from memorization.whether.models.stacked import Stacked
from memorization.whether.models.without_text import WithoutText

MODELS: dict[str, type[BinaryModel]] = {
    "logistic": Logistic,
    "boosting": Boosting,
    "stacked": Stacked,
    "without_text": WithoutText,
}

BASELINES: dict[str, type[BinaryModel]] = {
    "prevalence": Prevalence,
    "single_feature": SingleFeature,
    "ngrams": NGrams,
    "duplicate_count": DuplicateCount,
    "continuation_count": ContinuationCount,
    "smaller_sibling": SmallerSibling,
}
