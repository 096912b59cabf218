"""Independent random streams, one for each purpose, all derived from the one seed."""

from __future__ import annotations

import numpy as np


def generator(seed: int, purpose: str) -> np.random.Generator:
    """Return the random stream of a purpose: the same for the same seed and name.

    A stream for each purpose keeps one choice from moving another: a larger cohort must not change
    the order of the training data.

    >>> int(generator(0, "folds").integers(100)), int(generator(0, "folds").integers(100))
    (86, 86)
    """
    return np.random.default_rng([seed, *purpose.encode()])
