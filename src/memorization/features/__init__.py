"""What is known of a sequence before the target model is trained: one module a family.

``registry`` lists the families; ``family`` says what one is.
"""

from memorization.features.family import Family, Feature, Inputs
from memorization.features.registry import (
    FAMILIES,
    compute_features,
    feature_of,
    features_of_tier,
)
from memorization.features.table import family_table, feature_table, grouped_table
from memorization.features.use import Sources, features_of

__all__ = [
    "FAMILIES",
    "Family",
    "Feature",
    "Inputs",
    "Sources",
    "compute_features",
    "family_table",
    "feature_of",
    "feature_table",
    "features_of",
    "features_of_tier",
    "grouped_table",
]
