"""How well a score ranks: area under the ROC curve, and average precision."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from memorization.evaluation.metrics.sums import GroupSums, OfWeights, PreparedMetric, ratio


@PreparedMetric
def auroc(truth: np.ndarray, score: np.ndarray) -> OfWeights:
    """Return the weighted area under the ROC curve, float [...].

    The probability that a random memorized sequence of the population scores higher than a random
    other one; ties count one half (the Mann-Whitney statistic). 0.5 is chance, 1 is perfect. NaN
    where either class has no weight.

    >>> float(auroc(np.array([False, True, True]), np.array([0.1, 0.1, 0.9]), np.ones(3)))
    0.75
    """
    thresholds = Thresholds.of(truth, score, np.arange(len(truth)))
    # A sum of products, rounded, may exceed the product of the sums by a last bit.
    return lambda weight: np.minimum(ratio(*thresholds.pairs(weight)), 1.0)


def auroc_within(fold: np.ndarray) -> PreparedMetric:
    """Return the metric `auroc` over those pairs alone that are of one fold.

    Out-of-fold scores come from one model a fold. A pair across folds compares two models, and the
    one whose training folds lack a large cluster of cases expects fewer cases, just where there are
    more: even the prevalence as score falls below one half (Forman & Scholz 2010, "Apples-to-apples
    in cross-validation studies").

    Parameters
    ----------
    fold : int [n]

    >>> truth, score = np.array([True, False, True, False]), np.array([0.1, 0.1, 0.2, 0.2])
    >>> float(auroc_within(np.array([0, 0, 1, 1]))(truth, score, np.array([1, 9, 1, 1])))
    0.5
    """

    @PreparedMetric
    def metric(truth: np.ndarray, score: np.ndarray) -> OfWeights:
        folds = [Thresholds.of(truth, score, np.flatnonzero(fold == f)) for f in np.unique(fold)]

        def of_weights(weight: np.ndarray) -> np.ndarray:
            won, pairs = np.zeros((2, *weight.shape[:-1]))
            for thresholds in folds:
                of_fold = thresholds.pairs(weight)
                won, pairs = won + of_fold[0], pairs + of_fold[1]
            return ratio(won, pairs)

        return of_weights

    return metric


@PreparedMetric
def average_precision(truth: np.ndarray, score: np.ndarray) -> OfWeights:
    """Return the weighted average precision, float [...].

    The area under the precision-recall curve by the step rule, sum over thresholds of precision
    times the recall gained, rows of equal score entering together (as scikit-learn; no
    interpolation, which is optimistic: Davis & Goadrich 2006). A score without information gets the
    prevalence. NaN where there is no positive weight.

    >>> truth = np.array([False, True, False, True])
    >>> round(float(average_precision(truth, np.array([0.1, 0.4, 0.5, 0.9]), np.ones(4))), 4)
    0.8333
    """
    thresholds = Thresholds.of(truth, score, np.arange(len(truth)))

    def of_weights(weight: np.ndarray) -> np.ndarray:
        gained, negative = thresholds.positive(weight), thresholds.negative(weight)
        hits = np.cumsum(gained[..., ::-1], axis=-1)[..., ::-1]
        # A threshold accepts what ties with it, and all above.
        alarms = np.cumsum(negative[..., ::-1], axis=-1)[..., ::-1][..., 1::2]
        precision = ratio(hits, hits + alarms, empty=0.0)
        return ratio((gained * precision).sum(axis=-1), gained.sum(axis=-1))

    return of_weights


@dataclass(frozen=True)
class Thresholds:
    """The distinct scores of the positives, ascending, and where the negatives lie among them.

    Only at these g thresholds does a ranking metric gain anything, and they are few where positives
    are. Negatives fall into 2 g + 1 places: below the first threshold, at it, between it and the
    second, and so on.

    Attributes
    ----------
    positive : the positive weight at each threshold, [..., g].
    negative : the negative weight at each place, [..., 2 g + 1].
    """

    positive: GroupSums
    negative: GroupSums

    @classmethod
    def of(cls, truth: np.ndarray, score: np.ndarray, rows: np.ndarray) -> Thresholds:
        """Return the thresholds among some rows (positions)."""
        truth = truth.astype(bool)
        positives, negatives = rows[truth[rows]], rows[~truth[rows]]
        thresholds, own = np.unique(score[positives], return_inverse=True)
        below = np.searchsorted(thresholds, score[negatives], side="left")
        upto = np.searchsorted(thresholds, score[negatives], side="right")
        g = len(thresholds)
        return cls(
            GroupSums.of(positives, own, g), GroupSums.of(negatives, below + upto, 2 * g + 1)
        )

    def pairs(self, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the weight of the pairs of both classes in the right order, and of all, [...]."""
        positive, negative = self.positive(weight), self.negative(weight)
        upto = np.cumsum(negative, axis=-1)
        below = upto[..., :-1:2] + negative[..., 1::2] / 2
        return (positive * below).sum(axis=-1), positive.sum(axis=-1) * upto[..., -1]
