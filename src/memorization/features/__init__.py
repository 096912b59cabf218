"""What is known of a sequence before the target model is trained.

More than twelve files: each family is a module of its own. ``registry`` lists them, ``family`` says
what one is, ``text`` turns tokens into bytes, ``vocabulary`` texts into tokens. Of sequences
outside the pipeline: ``use`` from Python, ``own`` from file to file.
"""

from memorization.features.family import Family, Feature, Inputs
from memorization.features.registry import (
    FAMILIES,
    compute_features,
    family_table,
    feature_of,
    feature_table,
    features_of_tier,
    grouped_table,
)
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
