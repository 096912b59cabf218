"""How good a yes or no is, once a threshold has been chosen."""

from __future__ import annotations

import numpy as np

from memorization.evaluation.metrics.ratio import ratio, weighted_mean


def accuracy(truth: np.ndarray, decision: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Return the weighted share of right decisions, float [...].

    Where 1.5 % are memorized, always saying no scores 0.985: read it beside precision and recall.

    Parameters
    ----------
    truth, decision : bool [n]
    weight : float [..., n]
    """
    return weighted_mean(truth == decision, weight)


def precision(truth: np.ndarray, decision: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Return the weighted share of the accepted that is memorized; NaN where none is accepted.

    Parameters
    ----------
    truth, decision : bool [n]
    weight : float [..., n]

    Examples
    --------
    >>> accepted = np.array([True, True, False])
    >>> float(precision(np.array([True, False, True]), accepted, np.array([1.0, 3.0, 9.0])))
    0.25
    """
    return ratio(
        weight @ (truth & decision).astype(np.float64), weight @ decision.astype(np.float64)
    )


def recall(truth: np.ndarray, decision: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Return the weighted share of the memorized that is accepted; NaN where none is memorized.

    Parameters
    ----------
    truth, decision : bool [n]
    weight : float [..., n]
    """
    return ratio(weight @ (truth & decision).astype(np.float64), weight @ truth.astype(np.float64))


def f1(truth: np.ndarray, decision: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Return the harmonic mean of precision and recall, weighted, float [...].

    0 where something is memorized and nothing accepted; NaN where nothing is either.

    Parameters
    ----------
    truth, decision : bool [n]
    weight : float [..., n]
    """
    hits = weight @ (truth & decision).astype(np.float64)
    return ratio(2 * hits, weight @ truth.astype(np.float64) + weight @ decision.astype(np.float64))


def best_f1_threshold(truth: np.ndarray, score: np.ndarray, weight: np.ndarray) -> float:
    """Return the threshold t for which ``score >= t`` has the highest weighted F1.

    One of the scores that occur; of equal ones the highest, which accepts least. Infinite, so that
    nothing is accepted, where there is no positive weight.

    Parameters
    ----------
    truth : bool [n]
    score : float [n]
    weight : float [n]

    Examples
    --------
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
    return float(ranked[np.argmax(values)])
