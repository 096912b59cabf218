"""A small sample in which it is known what goes with memorization."""

import numpy as np
import pytest
from made_up_study import make_study, one_thread  # noqa: F401

from memorization.evaluation.bootstrap import Bootstrap

N = 400


@pytest.fixture(scope="session")
def study():
    """Copies make memorized, the reference sees the same, and where a sequence stands is noise."""
    rng = np.random.default_rng(0)
    copies = rng.poisson(3, N).astype(float)
    truth = copies + rng.normal(0, 1.5, N) > 5
    features = {
        "repetition.longest_run": rng.integers(1, 9, N),
        "duplication.sequence_count": copies,
        "duplication.prompt_count": copies + rng.integers(0, 2, N),
        "position.end_of_text": rng.integers(0, 64, N),
        "position.step": rng.integers(1, 99, N),
        "surprisal.mean": -copies,
        "surprisal.max": np.full(N, 3.0),
    }
    weight = np.where(truth, 1.0, 20.0)
    return make_study(features, truth, weight=weight, cluster=np.arange(N) // 2)


@pytest.fixture(scope="session")
def bootstrap(study):
    return Bootstrap.of(study.cluster, 100, 0.9, np.random.default_rng(1))
