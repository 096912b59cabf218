"""Smaller models, and earlier checkpoints, as predictors: all that the stage reports."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from memorization.evaluation.bootstrap import Bootstrap
from memorization.evaluation.metrics.decision import OUTCOMES, decision_metrics, set_confusion
from memorization.labels.trajectories import Trajectories
from memorization.siblings.checkpoints import checkpoint_metrics, published_metrics
from memorization.study import Study
from memorization.suite import Suite
from memorization.suite.pythia.suite import PythiaSuite
from memorization.suite.read import labelled


def sibling_metrics(
    study: Study, suite: Suite, target: str, trajectories: Trajectories, bootstrap: Bootstrap
) -> dict[str, Any]:
    """Return how well smaller models, and earlier checkpoints, predict what is memorized.

    Parameters
    ----------
    study : its truth is what the target has memorized at the end.
    target : the model whose checkpoints are reported; pairs are of all whose labels are known of
        the whole population, and exact.
    trajectories : of the target, of the sequences of the study, in their order.

    Returns
    -------
    dict
        ``compute``: model -> operations; ``pairs``: target -> predictor -> counts and metrics
        (`pair_metrics`); ``evaluated_pairs``: predictor of the target -> the same over the
        sequences that all published evaluations cover, None where there is one only;
        ``checkpoints``: of the target, with their ``relative_compute``: exact
        where what was published is all that is known of them (`published_metrics`), else from the
        sample (`checkpoint_metrics`).
    """
    memorized = {name: suite.memorized(name) for name in labelled(suite)}
    parameters = {name: size for name, size in suite.parameters.items() if name in memorized}
    earlier = _evaluations(suite, target)
    if earlier and set(trajectories.steps[:-1].tolist()) <= set(earlier):
        # All that is known of checkpoints is known of the whole population.
        own = published_metrics(
            earlier, memorized[target], suite.population, suite.sequences_per_step
        )
    else:
        own = checkpoint_metrics(study, trajectories, bootstrap)
    # Of one model, compute is in proportion to the step.
    own["relative_compute"] = [step / suite.steps[-1] for step in own["step"]]
    return {
        "target": target,
        "population": suite.population,
        "compute": model_compute(suite.parameters, tokens_seen(suite, suite.steps[-1])),
        "pairs": pair_metrics(parameters, memorized, suite.population),
        "evaluated_pairs": _evaluated_pairs(suite, target, memorized, earlier),
        "checkpoints": own,
    }


def _evaluated_pairs(
    suite: Suite, target: str, memorized: dict[str, np.ndarray], earlier: dict[int, np.ndarray]
) -> dict[str, dict[str, float | int]] | None:
    """Return the pairs of the target over what its first evaluation covers, as all others do."""
    if not earlier:
        return None
    limit = suite.sequences_per_step * min(earlier)
    below = {name: index[index < limit] for name, index in memorized.items()}
    return pair_metrics(suite.parameters, below, limit).get(target, {})


def _evaluations(suite: Suite, target: str) -> dict[int, np.ndarray]:
    """Return step before the last -> what was published as memorized then."""
    if not isinstance(suite, PythiaSuite):
        return {}
    found = suite.evaluations(target)
    return {step: np.unique(index) for step, index in found.items() if step != suite.steps[-1]}


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


def tokens_seen(suite: Suite, step: int) -> int:
    """Return the tokens that a model was trained on by an optimizer step.

    A row of the Pile as Pythia sees it has 2,049 tokens, of which it predicts 2,048; a window of
    the micro suite counts in full.
    """
    window = suite.manifest["window"]
    per_sequence = window - 1 if suite.name == "pythia" else window
    return step * suite.sequences_per_step * per_sequence


def model_compute(parameters: Mapping[str, int], tokens: int) -> dict[str, int]:
    """Return model -> floating-point operations of pre-training: 6 · parameters · tokens.

    Two operations a parameter and token forward, four backward (Kaplan et al. 2020, "Scaling laws
    for neural language models", section 2.1), as in Biderman et al. 2023.

    >>> model_compute({"a": 10}, 100)
    {'a': 6000}
    """
    return {name: 6 * size * tokens for name, size in parameters.items()}
