"""A model on the stand-in's hub, with checkpoints in every form, and scans that are interrupted."""

from __future__ import annotations

import threading
from dataclasses import dataclass

import numpy as np
from standin.models import Shape, Weights, checkpoint_files, new_model, train

from memorization.extraction.score import score
from memorization.suite.declared.declaration import PublishedModel

REPOSITORY = "EleutherAI/pythia-410m-v0"
SHAPE = Shape(layers=1, hidden=64, heads=4)
VOCABULARY, PER_STEP = 300, 8
STEPS = (20, 40, 60, 80, 100)
FORMS = ("bin", "safetensors", "sharded", "both", "safetensors")


@dataclass(frozen=True)
class Remote:
    """What the model was trained on, and its weights at each step."""

    sequences: np.ndarray
    weights: dict[int, Weights]
    model: PublishedModel

    def repositories(self) -> dict[str, dict[str, dict[str, bytes]]]:
        """What the hub serves."""
        revisions = {
            f"step{step}": checkpoint_files(SHAPE, VOCABULARY, self.weights[step], form)
            for step, form in zip(STEPS, FORMS, strict=True)
        }
        return {REPOSITORY: revisions}


def make_remote() -> Remote:
    """Train the model on texts of which some are seen often; token 0 occurs as well."""
    rng = np.random.default_rng(0)
    texts = rng.integers(0, VOCABULARY, (60, 64))
    # Half of what is seen is one of six texts.
    which = np.where(rng.random(800) < 0.7, rng.integers(0, 6, 800), rng.integers(6, 60, 800))
    sequences = texts[which]
    untrained = new_model(SHAPE, VOCABULARY, seed=0)
    weights = train(untrained, sequences, PER_STEP, STEPS)
    n = sum(p.numel() for p in untrained.parameters())
    model = PublishedModel("410m", n, SHAPE.layers, SHAPE.hidden, SHAPE.heads, VOCABULARY)
    return Remote(sequences, weights, model)


def stopping_after(n, done):
    """Return a `score` that is interrupted once it was called n times, which ``done`` counts."""

    def scored(model, *rest):
        if len(done) == n:
            raise KeyboardInterrupt
        done.append(model)
        return score(model, *rest)

    return scored


def wait_for_fetches():
    """Wait for what is being downloaded in the background."""
    for thread in threading.enumerate():
        if thread.name.startswith("fetch"):
            thread.join()


def assert_same(a, b):
    for name, array in vars(a).items():
        np.testing.assert_array_equal(array, getattr(b, name))
