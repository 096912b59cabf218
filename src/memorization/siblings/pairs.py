"""Every smaller model as a predictor of every larger one, and what each cost to pre-train."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from memorization.evaluation.metrics.decision import OUTCOMES, decision_metrics, set_confusion
from memorization.suite import Suite


def pair_metrics(
    parameters: Mapping[str, int], memorized: Mapping[str, np.ndarray], population: int
) -> dict[str, dict[str, dict[str, float | int]]]:
    """Return target -> predictor -> counts and metrics of "memorized if the smaller model has".

    Exact: the published positives are all there are, so the counts are those of the population and
    nothing is sampled. A metric that is undefined is NaN, as precision is where the predictor has
    memorized nothing.

    Parameters
    ----------
    parameters : model -> its number of parameters; only a smaller one predicts a larger one.
    memorized : model -> int64, distinct ``index`` of what it has memorized at the end.
    population : number of sequences.

    Source: Biderman et al. 2023, "Emergent and predictable memorization in large language models".

    >>> memorized = {"small": np.array([1, 2]), "large": np.array([2, 3, 4])}
    >>> found = pair_metrics({"small": 7, "large": 70}, memorized, 10)["large"]["small"]
    >>> found["precision"], round(found["recall"], 3), found["true_negative"]
    (0.5, 0.333, 6)
    """
    found: dict[str, dict[str, dict[str, float | int]]] = {}
    for target in parameters:
        for predictor in (name for name in parameters if parameters[name] < parameters[target]):
            counts = set_confusion(memorized[target], memorized[predictor], population)
            found.setdefault(target, {})[predictor] = {
                **dict(zip(OUTCOMES, counts.tolist(), strict=True)),
                **{name: float(value) for name, value in decision_metrics(counts).items()},
            }
    return found


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


def model_compute(suite: Suite) -> dict[str, int]:
    """Return model -> floating-point operations of its whole pre-training."""
    tokens = tokens_seen(suite, suite.steps[-1])
    return {name: pretraining_compute(size, tokens) for name, size in suite.parameters.items()}
