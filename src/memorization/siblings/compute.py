"""What a model costs to pre-train."""

from __future__ import annotations

from memorization.suite import Suite


def pretraining_compute(parameters: int, tokens: int) -> int:
    """Return the compute of training, in floating-point operations: 6 · parameters · tokens.

    Two operations a parameter and token forward, four backward (Kaplan et al. 2020, "Scaling laws
    for neural language models", section 2.1), as in Biderman et al. 2023.

    >>> pretraining_compute(10, 100)
    6000
    """
    return 6 * parameters * tokens


def tokens_seen(suite: Suite, step: int) -> int:
    """Return the tokens that a model was trained on by an optimizer step.

    A row of the Pile as Pythia sees it has 2,049 tokens, of which it predicts 2,048; a window of
    the micro suite counts in full.
    """
    window = suite.manifest["window"]
    per_sequence = window - 1 if suite.name == "pythia" else window
    return step * suite.sequences_per_step * per_sequence
