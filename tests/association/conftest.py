"""A small sample in which it is known what goes with memorization."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from memorization.whether.analysis import Sample

N = 400


@pytest.fixture(scope="session")
def sample() -> Sample:
    """Copies make memorized, the reference sees the same, and where a sequence stands is noise."""
    rng = np.random.default_rng(0)
    copies = rng.poisson(3, N).astype(float)
    truth = copies + rng.normal(0, 1.5, N) > 5
    features = pd.DataFrame(
        {
            "repetition.longest_run": rng.integers(1, 9, N).astype(float),
            "duplication.sequence_count": copies,
            "duplication.prompt_count": copies + rng.integers(0, 2, N),
            "position.end_of_text": rng.integers(0, 64, N).astype(float),
            "position.step": rng.integers(1, 99, N).astype(float),
            "surprisal.mean": -copies,
            "surprisal.max": np.full(N, 3.0),
        }
    )
    splits = pd.DataFrame({"cluster": np.arange(N) // 2, "fold": np.arange(N) // 2 % 4})
    return Sample(np.arange(N), features, truth, np.where(truth, 1.0, 20.0), splits)
