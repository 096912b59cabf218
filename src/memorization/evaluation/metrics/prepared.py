"""Metrics that do once what does not depend on the weights, such as sorting."""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np

# The weights, float [..., n] -> the metric, float [...].
OfWeights = Callable[[np.ndarray], np.ndarray]


class PreparedMetric:
    """A metric ``metric(truth, score, weight)``, split where the weights come in.

    Used as a decorator of ``prepare(truth, score)``, which returns the rest as a function of the
    weights. A bootstrap prepares once and sums for thousands of weights; see
    `memorization.evaluation.bootstrap.replicate`.

    >>> @PreparedMetric
    ... def recall_of_first(truth, score):
    ...     order = np.argsort(-score)
    ...     return lambda weight: weight[..., order[0]] * truth[order[0]] / (weight @ truth)
    >>> truth, score = np.array([True, True]), np.array([0.1, 0.9])
    >>> float(recall_of_first(truth, score, np.array([3.0, 1.0])))
    0.25
    """

    def __init__(self, prepare: Callable[[np.ndarray, np.ndarray], OfWeights]) -> None:
        """Take the function that prepares; its name and documentation become the metric's."""
        self.prepare = prepare
        functools.update_wrapper(self, prepare)

    def __call__(self, truth: np.ndarray, score: np.ndarray, weight: np.ndarray) -> np.ndarray:
        """Return the metric, float [...]."""
        return self.prepare(truth, score)(np.asarray(weight, dtype=np.float64))
