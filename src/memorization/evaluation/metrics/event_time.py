"""How good a survival curve is: as a ranking, as a probability, as a prediction of when."""

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


def squared_error(survival: np.ndarray, time: np.ndarray, event: np.ndarray) -> np.ndarray:
    """Return the squared error of the survival at each checkpoint, float [n, c].

    Parameters
    ----------
    survival : float [n, c], probability of no event up to the checkpoints 1 … c.
    time : int [n], checkpoint (1 … c) of the event or of censoring.
    event : bool [n]

    Raises
    ------
    ValueError
        If a row is censored before the last checkpoint: whether it survived the rest is unknown,
        and the plain score would be biased (it takes inverse probability of censoring weights).
    """
    n_times = survival.shape[1]
    if (~event & (time < n_times)).any():
        raise ValueError("rows censored before the last checkpoint: their state then is not known")
    survived = ~event[:, None] | (time[:, None] > np.arange(1, n_times + 1))
    return (survived - survival) ** 2


def integrated_squared_error(
    survival: np.ndarray,
    time: np.ndarray,
    event: np.ndarray,
    steps: np.ndarray,
    observed: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return each row's squared error, integrated over the share of training in which its state is
    known, and that share, two float [n].

    By the trapezoidal rule over optimizer steps, in units of the whole training: from step 0, at
    which nothing is memorized and every model knows it, to the last checkpoint. The integrated
    Brier score is the ratio of the weighted sums of the two (Graf et al. 1999): 0 is perfect; that
    of the Kaplan-Meier curve is that of knowing nothing.

    Parameters
    ----------
    steps : int [c], of the checkpoints, ascending.
    observed : int [n], optional
        Position (1 … c) of a row's first evaluation, before which its state is not known; 1, and
        None, are from step 0 on.
    """
    error = squared_error(survival, time, event)
    mean = (np.hstack([np.zeros((len(error), 1)), error[:, :-1]]) + error) / 2
    length = np.diff(steps, prepend=0) / steps[-1]
    positions = np.arange(1, len(steps) + 1)
    first = np.ones(len(error), np.int64) if observed is None else observed
    known = (positions > first[:, None]) | (first[:, None] == 1)
    return (mean * known) @ length, known @ length


def conditional_median(survival: np.ndarray) -> np.ndarray:
    """Return the median checkpoint of the event, given that it happens, int [n] in 1 … c.

    The first checkpoint by which half of the events that the curve expects by the end have
    happened: the time of least expected absolute error. The last, where a curve expects none.

    Parameters
    ----------
    survival : float [n, c]

    >>> conditional_median(np.array([[0.99, 0.95, 0.92, 0.9], [1.0, 1.0, 1.0, 1.0]])).tolist()
    [2, 4]
    """
    happened = 1 - survival
    half = happened[:, -1:] / 2
    # Half of nothing is reached at once; a median of no events is best called the end.
    reached = (happened >= half) & (half > 0)
    return np.where(reached[:, -1], reached.argmax(axis=1), survival.shape[1] - 1) + 1


def conditional_mean_step(survival: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Return the expected step of the event, given that it happens, float [n].

    Parameters
    ----------
    survival : float [n, c]
    steps : int [c], optimizer steps of the checkpoints.

    >>> conditional_mean_step(np.array([[0.9, 0.8]]), np.array([10, 20])).round(6).tolist()
    [15.0]
    """
    mass = -np.diff(survival, axis=1, prepend=1.0)
    total = mass.sum(axis=1)
    expected = np.full(len(survival), float(steps[-1]))
    return np.divide(mass @ steps, total, out=expected, where=total > 0)
