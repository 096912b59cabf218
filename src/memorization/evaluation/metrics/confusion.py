"""The four counts behind every decision metric, and the metrics from the counts alone.

Where predictions are sets of sequences, the counts come from set intersections, and the millions of
rows that they stand for need not exist.
"""

from __future__ import annotations

import numpy as np

from memorization.evaluation.metrics.binary import DECISION_METRICS

# The order of the counts.
OUTCOMES = ("true_positive", "false_positive", "false_negative", "true_negative")

_TRUTH = np.array([True, False, True, False])
_DECISION = np.array([True, True, False, False])


def confusion(truth: np.ndarray, decision: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Return the weight of each outcome, float [..., 4], in the order of `OUTCOMES`.

    Parameters
    ----------
    truth, decision : bool [n]
    weight : float [..., n]

    Examples
    --------
    >>> truth, decision = np.array([True, True, False]), np.array([True, False, True])
    >>> confusion(truth, decision, np.array([1, 2, 3])).tolist()
    [1.0, 3.0, 2.0, 0.0]
    """
    outcomes = np.stack(
        [truth & decision, ~truth & decision, truth & ~decision, ~truth & ~decision], axis=-1
    )
    return weight @ outcomes.astype(np.float64)


def set_confusion(memorized: np.ndarray, predicted: np.ndarray, population: int) -> np.ndarray:
    """Return the counts of a predictor that names a set of sequences, int64 [4].

    Parameters
    ----------
    memorized, predicted : int64, distinct ``index`` of the sequences that are, and that are said to
        be, memorized.
    population : number of sequences.

    Examples
    --------
    >>> set_confusion(np.array([2, 5, 7]), np.array([5, 9]), 100).tolist()
    [1, 1, 2, 96]
    """
    both = len(np.intersect1d(memorized, predicted, assume_unique=True))
    said, true = len(predicted), len(memorized)
    return np.array([both, said - both, true - both, population - said - true + both])


def decision_metrics(counts: np.ndarray) -> dict[str, np.ndarray]:
    """Return accuracy, F1, precision and recall, each float [...]; NaN where undefined.

    Parameters
    ----------
    counts : [..., 4], in the order of `OUTCOMES`.

    Examples
    --------
    >>> metrics = decision_metrics(np.array([1, 1, 2, 96]))
    >>> {name: round(float(value), 3) for name, value in metrics.items()}
    {'accuracy': 0.97, 'f1': 0.4, 'precision': 0.5, 'recall': 0.333}
    """
    return {
        name: metric(_TRUTH, _DECISION, np.asarray(counts, dtype=np.float64))
        for name, metric in DECISION_METRICS.items()
    }
