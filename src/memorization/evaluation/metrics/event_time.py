"""How good a survival curve is: as a ranking, as a probability, as a prediction of when."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from memorization.evaluation.metrics.ranking import Thresholds
from memorization.evaluation.metrics.sums import OfWeights, ratio

# Weights [..., n] -> the weight of the pairs in the right order, and of all known ones, [...].
Pairs = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]

# Of the pairs of all rows: fewer between clusters than this are a difference of rounded sums.
ROUNDING = 1e-12


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

    Every pair counts, those of one text too; see `concordance_between`.

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
    pairs = _known_pairs(time, event, risk, group, left)
    return lambda weight: ratio(*pairs(weight))


def concordance_between(
    time: np.ndarray,
    event: np.ndarray,
    risk: np.ndarray,
    cluster: np.ndarray,
    group: np.ndarray | None = None,
    left: np.ndarray | None = None,
) -> OfWeights:
    """Return the concordance of pairs of different clusters, a function of the weights.

    Two rows of one cluster are the same text, and which of them is memorized first is another
    question. And a bootstrap that draws a cluster m times would count its own pairs m squared
    times, some with copies of themselves, so that its replicates would be of another number.

    What is left when the pairs within clusters, which are few, are taken from all.

    Parameters
    ----------
    cluster : int [n], each within one group; the other parameters are those of `concordance_of`.

    >>> time, event = np.array([1, 2, 3]), np.array([True, True, False])
    >>> risk, cluster = np.array([0.9, 0.1, 0.1]), np.array([5, 8, 8])
    >>> float(concordance_between(time, event, risk, cluster)(np.ones(3)))
    1.0
    """
    every = _known_pairs(time, event, risk, group, left)
    _, member, size = np.unique(cluster, return_inverse=True, return_counts=True)
    rows = np.flatnonzero(size[member] > 1)
    within = _known_pairs(
        time[rows], event[rows], risk[rows], cluster[rows], None if left is None else left[rows]
    )

    def of_weights(weight: np.ndarray) -> np.ndarray:
        right, known = every(weight)
        own_right, own_known = within(np.take(weight, rows, axis=-1))
        between = known - own_known
        # A difference of sums may be off by their last bits.
        between = np.where(between > ROUNDING * known, between, 0.0)
        return np.clip(ratio(right - own_right, between), 0.0, 1.0)

    return of_weights


def _known_pairs(
    time: np.ndarray,
    event: np.ndarray,
    risk: np.ndarray,
    group: np.ndarray | None,
    left: np.ndarray | None,
) -> Pairs:
    """Return the weight of the pairs in the right order, and of all; see `concordance_of`."""
    group = np.zeros(len(time), np.int64) if group is None else group
    left = np.zeros(len(time), bool) if left is None else left
    few = event | (time < time[event].max(initial=0))
    once = [
        Thresholds.of(event, risk, own)
        for own in _members(group, event | ~few)
        if event[own].any() and not event[own].all()
    ]
    # What is ranked again and again is gathered first, so that it lies close together.
    rows = np.flatnonzero(few)
    time, event, risk, left = time[rows], event[rows], risk[rows], left[rows]
    again = []
    for own in _members(group[rows], np.ones(len(rows), bool)):
        for moment in np.unique(time[own][event[own]]):
            earlier = event & (time == moment)
            later = ((time[own] > moment) | ((time[own] == moment) & ~event[own])) & ~left[own]
            if later.any():
                again.append(Thresholds.of(earlier, risk, own[earlier[own] | later]))

    def of_weights(weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        concordant, known = np.zeros((2, *weight.shape[:-1]))
        for part, own in ((once, weight), (again, np.take(weight, rows, axis=-1))):
            for thresholds in part:
                right, every = thresholds.pairs(own)
                concordant, known = concordant + right, known + every
        return concordant, known

    return of_weights


def _members(group: np.ndarray, some: np.ndarray) -> list[np.ndarray]:
    """Return the positions of each group's rows, of some rows (a mask), ascending."""
    rows = np.flatnonzero(some)
    if not len(rows):
        return []
    rows = rows[np.argsort(group[rows], kind="stable")]
    return np.split(rows, np.flatnonzero(np.diff(group[rows])) + 1)


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
