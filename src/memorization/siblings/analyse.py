"""All that the stage reports, as one nested mapping."""

from __future__ import annotations

from typing import Any

import numpy as np

from memorization.evaluation.bootstrap import Bootstrap
from memorization.labels.trajectories import Trajectories
from memorization.siblings.checkpoints import checkpoint_metrics, published_metrics
from memorization.siblings.pairs import model_compute, pair_metrics
from memorization.study import Study
from memorization.suite import Suite
from memorization.suite.pythia.suite import PythiaSuite


def sibling_metrics(
    study: Study, suite: Suite, target: str, trajectories: Trajectories, bootstrap: Bootstrap
) -> dict[str, Any]:
    """Return how well smaller models, and earlier checkpoints, predict what is memorized.

    Parameters
    ----------
    study : its truth is what the target has memorized at the end.
    target : the model whose checkpoints are reported; pairs are of all, and exact.
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
    memorized = {name: suite.memorized(name) for name in suite.models}
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
        "compute": model_compute(suite),
        "pairs": pair_metrics(suite.parameters, memorized, suite.population),
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
