"""What is known of a sequence before the target model is trained: one module a family.

``registry`` lists the families; ``family`` says what one is.
"""

from memorization.features.family import Family, Feature, Inputs
from memorization.features.registry import (
    FAMILIES,
    compute_features,
    feature_of,
    feature_table,
    features_of_tier,
)

__all__ = [
    "FAMILIES",
    "Family",
    "Feature",
    "Inputs",
    "compute_features",
    "feature_of",
    "feature_table",
    "features_of_tier",
]
