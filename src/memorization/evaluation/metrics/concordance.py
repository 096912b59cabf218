"""How well a score ranks event times: Harrell's concordance, weighted."""

from __future__ import annotations

import numpy as np

from memorization.evaluation.metrics.ranking import Thresholds
from memorization.evaluation.metrics.sums import OfWeights, ratio


def concordance_of(
    time: np.ndarray,
    event: np.ndarray,
    risk: np.ndarray,
    group: np.ndarray | None = None,
    left: np.ndarray | None = None,
) -> OfWeights:
    """Return the concordance of risk and time, a function of the weights (Harrell et al. 1982).

    Of the pairs whose order is known, the share in which the earlier event has the higher risk;
    ties in risk count one half. A pair is known when the earlier time is an event and the later one
    is a later event, or censored then or later. It weighs the product of its weights. 0.5 is
    chance, 1 is perfect. NaN where no pair has weight.

    Rows censored at or after the last event, nearly all in our data, are later than every event and
    ranked once; the few others are ranked once for every distinct time of an event.

    Parameters
    ----------
    time : int or float [n], of the event or of censoring.
    event : bool [n].
    risk : float [n], higher for an earlier expected event; only its order matters.
    group : int [n], optional
        Only pairs within a group count. Out-of-fold scores are compared within folds: models of two
        folds disagree in level, and in the wrong direction, because a fold rich in events leaves a
        training set poor in them.
    left : bool [n], optional
        Events that are only known to be at or before their time: they are earlier than what is
        later than that, and never known to be later than anything.

    Returns
    -------
    function
        Of weights, float [..., n], with the concordance, float [...].

    >>> time, event = np.array([1, 2, 3]), np.array([True, True, False])
    >>> of_weights = concordance_of(time, event, np.array([0.9, 0.1, 0.1]))
    >>> float(of_weights(np.ones(3))).__round__(4)
    0.8333
    """
    group = np.zeros(len(time), np.int64) if group is None else group
    left = np.zeros(len(time), bool) if left is None else left
    few = event | (time < time[event].max(initial=0))
    folds = [group == name for name in np.unique(group)]
    once = [Thresholds.of(event, risk, np.flatnonzero(fold & (event | ~few))) for fold in folds]
    # What is ranked again and again is gathered first, so that it lies close together.
    rows = np.flatnonzero(few)
    time, event, risk, left = time[rows], event[rows], risk[rows], left[rows]
    again = []
    for fold in (fold[rows] for fold in folds):
        for moment in np.unique(time[fold & event]):
            earlier = event & (time == moment)
            later = ((time > moment) | ((time == moment) & ~event)) & ~left
            chosen = np.flatnonzero(fold & (earlier | later))
            again.append(Thresholds.of(earlier, risk, chosen))

    def of_weights(weight: np.ndarray) -> np.ndarray:
        concordant, known = np.zeros((2, *weight.shape[:-1]))
        for part, own in ((once, weight), (again, np.take(weight, rows, axis=-1))):
            for thresholds in part:
                right, every = thresholds.pairs(own)
                concordant, known = concordant + right, known + every
        return ratio(concordant, known)

    return of_weights


def cumulative_auroc(
    time: np.ndarray,
    event: np.ndarray,
    risk: np.ndarray,
    at: float,
    group: np.ndarray | None = None,
) -> OfWeights:
    """Return the cumulative/dynamic area under the ROC curve at a time, a function of the weights.

    The probability that a sequence with the event by then has a higher risk than one without
    (Heagerty et al. 2000). Without censoring before ``at`` there is nothing to correct for.

    Parameters are those of `concordance_of`; risk is the predicted probability of the event by
    ``at``.

    Raises
    ------
    ValueError
        If a row is censored before ``at``.
    """
    if (~event & (time < at)).any():
        raise ValueError(f"rows censored before {at}: their state then is not known")
    by_then = event & (time <= at)
    return concordance_of(np.where(by_then, 1, 2), by_then, risk, group)
