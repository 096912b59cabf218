"""A model that has memorized some of its sequences."""

import numpy as np
import pytest
import torch

from memorization.params import Shape, Training
from memorization.suite.checkpoints import load_checkpoint
from memorization.suite.micro.train import new_model, train


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """A model trained until it has memorized some of its sequences, and all of the sequences."""
    rng = np.random.default_rng(0)
    texts = rng.integers(1, 300, (96, 64)).astype(np.uint16)
    # The first are seen often, the last once.
    repeats = np.maximum(1, 60 - np.arange(96))
    windows = rng.permutation(np.repeat(texts, repeats, axis=0))
    windows = windows[: len(windows) // 8 * 8]
    training = Training(
        steps=len(windows) // 8, sequences_per_step=8, learning_rate=0.01, weight_decay=0.0
    )
    folder = tmp_path_factory.mktemp("model")
    model = new_model(Shape(hidden=64, layers=2, heads=4), 300, 64, seed=0)
    train(model, windows, training, (training.steps,), folder, torch.device("cpu"))
    return load_checkpoint(folder / f"step{training.steps}"), texts.astype(np.int32)
