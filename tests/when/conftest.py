"""Sequences whose hazard is known, with the weights of a case-cohort sample."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from memorization.study.targets import Targets

N_TIMES = 12


@dataclass
class Simulated:
    features: pd.DataFrame
    targets: Targets
    weight: np.ndarray
    truth: np.ndarray  # survival [n, c]


def simulate(n: int, seed: int, leaving: bool = False, memorized: float = -3.5) -> Simulated:
    """Draw event times from a logistic hazard that rises with time; some leave unobserved."""
    rng = np.random.default_rng(seed)
    duplicates = rng.geometric(0.3, n).astype(float)
    surprisal = rng.normal(size=n)
    features = pd.DataFrame(
        {
            "duplication.sequence_count": duplicates,
            "surprisal.mean": surprisal,
            "repetition.longest_run": rng.normal(size=n),
        }
    )
    linear = np.log1p(duplicates) - 0.8 * surprisal
    baseline = memorized + 0.15 * np.arange(N_TIMES)
    hazard = expit(baseline + linear[:, None])
    events = rng.random((n, N_TIMES)) < hazard
    event = events.any(axis=1)
    time = np.where(event, events.argmax(axis=1) + 1, N_TIMES)
    if leaving:
        last = rng.integers(2, N_TIMES + 1, n)
        event, time = event & (time <= last), np.minimum(time, last)
    weight = np.where(event, 1.0, 3.7)
    return Simulated(
        features,
        Targets(time, event, N_TIMES),
        weight,
        np.cumprod(1 - hazard, axis=1),
    )


@pytest.fixture(scope="session")
def sample() -> Simulated:
    return simulate(400, seed=0)


@pytest.fixture(scope="session")
def make_sample():
    return simulate
