"""Why a memorized sequence may be memorized: recitation, reconstruction or recollection.

The taxonomy of Prashanth et al. 2025, "Recite, Reconstruct, Recollect". It is a label to analyse
results by, not a family of features: it is decided by the count of duplicates and the two tests for
templates, all of which predictors have already, and better, as numbers.
"""

from __future__ import annotations

import numpy as np

TAXONOMY = ("recitation", "reconstruction", "recollection")
# More occurrences than this are recitation (their paper; "6 or more" in their model_training.py).
DUPLICATES = 5


def taxonomy(duplicates: np.ndarray, repeating: np.ndarray, incrementing: np.ndarray) -> np.ndarray:
    """Return the kind of memorization that each sequence would be, str [n], of ``TAXONOMY``.

    Many duplicates go before a template. In Prashanth et al. the duplicates are those of the
    continuation, the 32 tokens, anywhere in the training data: ``duplication.continuation_count``.

    The tests are ``template.repeating`` and ``template.incrementing``, bool or 0/1 [n].

    >>> taxonomy(np.array([6, 5, 1]), np.array([True, True, False]), np.zeros(3)).tolist()
    ['recitation', 'reconstruction', 'recollection']
    """
    is_template = np.asarray(repeating, dtype=bool) | np.asarray(incrementing, dtype=bool)
    recitation, reconstruction, recollection = TAXONOMY
    is_frequent = np.asarray(duplicates) > DUPLICATES
    return np.select([is_frequent, is_template], [recitation, reconstruction], recollection)
