"""How good a yes or no is, once a threshold has been chosen, from rows or from counts alone.

Where predictions are sets of sequences, the four counts come from set intersections, and the
millions of rows that they stand for need not exist.
"""

from __future__ import annotations

import numpy as np

from memorization.evaluation.metrics.sums import ratio, weighted_mean

# The order of the counts.
OUTCOMES = ("true_positive", "false_positive", "false_negative", "true_negative")

_TRUTH = np.array([True, False, True, False])
_DECISION = np.array([True, True, False, False])


def accuracy(truth: np.ndarray, decision: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Return the weighted share of right decisions, float [...].

    Where 1.5 % are memorized, always saying no scores 0.985: read it beside precision and recall.
    """
    return weighted_mean(truth == decision, weight)


def precision(truth: np.ndarray, decision: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Return the weighted share of the accepted that is memorized; NaN where none is accepted.

    >>> accepted = np.array([True, True, False])
    >>> float(precision(np.array([True, False, True]), accepted, np.array([1.0, 3.0, 9.0])))
    0.25
    """
    return ratio(
        weight @ (truth & decision).astype(np.float64), weight @ decision.astype(np.float64)
    )


def recall(truth: np.ndarray, decision: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Return the weighted share of the memorized that is accepted; NaN where none is memorized."""
    return ratio(weight @ (truth & decision).astype(np.float64), weight @ truth.astype(np.float64))


def f1(truth: np.ndarray, decision: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Return the harmonic mean of precision and recall, weighted, float [...].

    0 where something is memorized and nothing accepted; NaN where nothing is either.
    """
    hits = weight @ (truth & decision).astype(np.float64)
    return ratio(2 * hits, weight @ truth.astype(np.float64) + weight @ decision.astype(np.float64))


def best_f1_threshold(truth: np.ndarray, score: np.ndarray, weight: np.ndarray) -> float:
    """Return the threshold t for which ``score >= t`` has the highest weighted F1.

    One of the scores that occur; of equal ones the highest, which accepts least. Infinite, so that
    nothing is accepted, where there is no positive weight. What scores minus infinity is never
    accepted.

    >>> truth = np.array([False, False, True, True])
    >>> best_f1_threshold(truth, np.array([0.1, 0.6, 0.5, 0.9]), np.ones(4))
    0.5
    """
    order = np.argsort(-score, kind="stable")
    ranked, weight = score[order], weight[order].astype(np.float64)
    hits, accepted = np.cumsum(weight * truth[order]), np.cumsum(weight)
    if not len(hits) or hits[-1] <= 0:
        return float("inf")
    values = 2 * hits / (hits[-1] + accepted)
    # A threshold cannot separate rows of equal score: only the last of a tie is a choice.
    values[:-1][ranked[1:] == ranked[:-1]] = -1.0
    values[np.isneginf(ranked)] = -1.0
    best = np.argmax(values)
    return float(ranked[best]) if values[best] >= 0 else float("inf")


def confusion(truth: np.ndarray, decision: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Return the weight of each outcome, float [..., 4], in the order of `OUTCOMES`.

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

    >>> metrics = decision_metrics(np.array([1, 1, 2, 96]))
    >>> {name: round(float(value), 3) for name, value in metrics.items()}
    {'accuracy': 0.97, 'f1': 0.4, 'precision': 0.5, 'recall': 0.333}
    """
    weight = np.asarray(counts, dtype=np.float64)
    metrics = (accuracy, f1, precision, recall)
    return {metric.__name__: metric(_TRUTH, _DECISION, weight) for metric in metrics}
