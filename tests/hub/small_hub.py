"""A small hub to test with, and a check that failures are told as they should be."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from memorization.errors import UserError

# As the bounds on waiting (memorization.suite.hub.asking), in miniature.
HASTY = {"CONNECT": 1, "READ": 0.4, "QUESTION": 1.5, "TOTAL": 0.8, "RATE_LIMIT": 2.5}

LABELS = "datasets/EleutherAI/evals"
MODEL = "EleutherAI/pythia-70m"
CONTENT = np.random.default_rng(0).bytes(300_000)


def small_repositories() -> dict[str, dict[str, dict[str, bytes]]]:
    """Return a data set in several splits and a model with several revisions."""
    shards = {f"data/duped.70m-0000{i}-of-00002-0123abc.parquet": CONTENT[i:] for i in range(2)}
    return {
        LABELS: {
            "main": {
                "README.md": b"# Labels\n",
                "data/duped.12b.23000-00000-of-00001-fedc.parquet": b"another",
                "data/duped.1b.new-00000-of-00001-fedc.parquet": b"another one",
                "data/odd name+%.parquet": b"odd",
                **shards,
            }
        },
        MODEL: {
            name: {"config.json": b'{"step": "%s"}' % name.encode(), "model.safetensors": CONTENT}
            for name in ("main", "step0", "step1", "step1000", "step3000", "step143000", "odd/name")
        },
    }


@contextmanager
def fails(*words: str, within: float = 3) -> Iterator[None]:
    """Check that a block ends in one line for the user that has some words in it, and in time."""
    start = time.monotonic()
    with pytest.raises(UserError) as caught:
        yield
    assert time.monotonic() - start < within
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert word in message, message
