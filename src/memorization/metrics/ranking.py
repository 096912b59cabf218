"""How well a score ranks: area under the ROC curve, and average precision."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np


def auroc(truth: np.ndarray, score: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Return the weighted area under the ROC curve, float [...].

    The probability that a random memorized sequence of the population scores higher than a random
    other one; ties count one half (the Mann-Whitney statistic). 0.5 is chance, 1 is perfect. NaN
    where either class has no weight.

    Parameters
    ----------
    truth : bool [n]
    score : float [n]
        Any monotone score; only its order matters.
    weight : float [..., n]

    Examples
    --------
    >>> float(auroc(np.array([False, True, True]), np.array([0.1, 0.1, 0.9]), np.ones(3)))
    0.75
    """
    return _ratio(*_pairs(truth, score, weight))


def auroc_within(fold: np.ndarray) -> Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]:
    """Return the metric `auroc` over those pairs alone that are of one fold.

    Out-of-fold scores come from one model a fold. A pair across folds compares two models, and the
    one whose training folds lack a large cluster of cases expects fewer cases, just where there are
    more: even the prevalence as score falls below one half (Forman & Scholz 2010, "Apples-to-apples
    in cross-validation studies").

    Parameters
    ----------
    fold : int [n]

    Examples
    --------
    >>> truth, score = np.array([True, False, True, False]), np.array([0.1, 0.1, 0.2, 0.2])
    >>> float(auroc_within(np.array([0, 0, 1, 1]))(truth, score, np.array([1, 9, 1, 1])))
    0.5
    """

    def metric(truth: np.ndarray, score: np.ndarray, weight: np.ndarray) -> np.ndarray:
        won, pairs = np.zeros((2, *np.shape(weight)[:-1]))
        for rows in (fold == name for name in np.unique(fold)):
            of_fold = _pairs(truth[rows], score[rows], weight[..., rows])
            won, pairs = won + of_fold[0], pairs + of_fold[1]
        return _ratio(won, pairs)

    return metric


def average_precision(truth: np.ndarray, score: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Return the weighted average precision, float [...].

    The area under the precision-recall curve by the step rule, sum over thresholds of precision
    times the recall gained, rows of equal score entering together (as scikit-learn; no
    interpolation, which is optimistic: Davis & Goadrich 2006). A score without information gets the
    prevalence. NaN where there is no positive weight.

    Parameters
    ----------
    truth : bool [n]
    score : float [n]
    weight : float [..., n]

    Examples
    --------
    >>> truth = np.array([False, True, False, True])
    >>> round(float(average_precision(truth, np.array([0.1, 0.4, 0.5, 0.9]), np.ones(4))), 4)
    0.8333
    """
    positive, negative = _by_score(truth, score, weight)
    # From the highest score down: a threshold accepts its own group and all above.
    positive, negative = positive[..., ::-1], negative[..., ::-1]
    hits = np.cumsum(positive, axis=-1)
    accepted = hits + np.cumsum(negative, axis=-1)
    precision = _ratio(hits, accepted, empty=0.0)
    return _ratio((positive * precision).sum(axis=-1), positive.sum(axis=-1))


def _pairs(
    truth: np.ndarray, score: np.ndarray, weight: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the weight of the pairs of both classes in the right order, and of all, [...]."""
    positive, negative = _by_score(truth, score, weight)
    below = np.cumsum(negative, axis=-1) - negative / 2
    return (positive * below).sum(axis=-1), positive.sum(axis=-1) * negative.sum(axis=-1)


def _by_score(
    truth: np.ndarray, score: np.ndarray, weight: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the positive and the negative weight of each distinct score, ascending, [..., g]."""
    order = np.argsort(score, kind="stable")
    ranked = score[order]
    starts = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]][: len(ranked)])
    ordered = np.asarray(weight, dtype=np.float64)[..., order]
    total = np.add.reduceat(ordered, starts, axis=-1)
    positive = np.add.reduceat(ordered * truth[order], starts, axis=-1)
    # The sums are of the same rows in the same order, but their difference may round below zero.
    return positive, np.maximum(total - positive, 0)


def _ratio(above: np.ndarray, below: np.ndarray, empty: float = np.nan) -> np.ndarray:
    return np.divide(above, below, out=np.full(np.shape(below), empty), where=below > 0)
