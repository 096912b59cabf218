from dataclasses import replace

import numpy as np
import pytest
from made_up_study import one_thread, survival_study  # noqa: F401

from memorization.strata import CONTINUATIONS, DUPLICATES


@pytest.fixture(scope="session")
def study():
    """Sequences with times, and with all the features that a model requires."""
    study, _ = survival_study(300, seed=0)
    counts, rng = study.features[DUPLICATES], np.random.default_rng(1)
    sibling = study.truth ^ (rng.random(300) < 0.2)
    more = {CONTINUATIONS: counts + rng.integers(0, 2, 300), "sibling.s_memorized": sibling * 1.0}
    return replace(study, features=study.features.assign(**more))
