"""Every smaller model as a predictor of every larger one, over the whole population."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from memorization.evaluation.metrics.confusion import OUTCOMES, decision_metrics, set_confusion


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

    Examples
    --------
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
