"""How well a score ranks event times: Harrell's concordance, weighted."""

from __future__ import annotations

import numpy as np


def concordance(
    time: np.ndarray,
    event: np.ndarray,
    risk: np.ndarray,
    weight: np.ndarray,
    group: np.ndarray | None = None,
) -> np.ndarray:
    """Return the weighted concordance of risk and time, float [...] (Harrell et al. 1982).

    Of the pairs whose order is known, the share in which the earlier event has the higher risk;
    ties in risk count one half. A pair is known when the earlier time is an event and the later one
    is a later event, or censored then or later. It weighs the product of its weights. 0.5 is
    chance, 1 is perfect. NaN where no pair has weight.

    One pass over the distinct event times, each of which needs the later events only: rows censored
    at or after the last event, nearly all in our data, are ranked once.

    Parameters
    ----------
    time : int or float [n], of the event or of censoring.
    event : bool [n].
    risk : float [n], higher for an earlier expected event; only its order matters.
    weight : float [..., n]
    group : int [n], optional
        Only pairs within a group count. Out-of-fold scores are compared within folds: models of two
        folds disagree in level, and in the wrong direction, because a fold rich in events leaves a
        training set poor in them.

    Examples
    --------
    >>> time, event = np.array([1, 2, 3]), np.array([True, True, False])
    >>> float(concordance(time, event, np.array([0.9, 0.1, 0.1]), np.ones(3))).__round__(4)
    0.8333
    """
    weight = np.asarray(weight, dtype=np.float64)
    concordant, known = np.zeros(weight.shape[:-1]), np.zeros(weight.shape[:-1])
    groups = np.zeros(len(time), np.int64) if group is None else group
    # Ascending by risk, once; every subset below inherits the order.
    order = np.argsort(risk, kind="stable")
    for name in np.unique(groups):
        rows = order[groups[order] == name]
        happened = rows[event[rows]]
        if not len(happened):
            continue
        always = ~event[rows] & (time[rows] >= time[happened].max())
        pairs = [(happened, rows[always])]
        sometimes = rows[~always]
        for moment in np.unique(time[happened]):
            later = (time[sometimes] > moment) | ((time[sometimes] == moment) & ~event[sometimes])
            pairs.append((happened[time[happened] == moment], sometimes[later]))
        for earlier, later_rows in pairs:
            right, all_ = _pairs(earlier, later_rows, risk, weight)
            concordant += right
            known += all_
    undefined = np.full(known.shape, np.nan)
    return np.divide(concordant, known, out=undefined, where=known > 0)


def cumulative_auroc(
    time: np.ndarray,
    event: np.ndarray,
    risk: np.ndarray,
    weight: np.ndarray,
    at: float,
    group: np.ndarray | None = None,
) -> np.ndarray:
    """Return the weighted cumulative/dynamic area under the ROC curve at a time, float [...].

    The probability that a sequence with the event by then has a higher risk than one without
    (Heagerty et al. 2000). Without censoring before ``at`` there is nothing to correct for.

    Parameters are those of `concordance`; risk is the predicted probability of the event by ``at``.

    Raises
    ------
    ValueError
        If a row is censored before ``at``.
    """
    if (~event & (time < at)).any():
        raise ValueError(f"rows censored before {at}: their state then is not known")
    by_then = event & (time <= at)
    return concordance(np.where(by_then, 1, 2), by_then, risk, weight, group)


def _pairs(
    earlier: np.ndarray, later: np.ndarray, risk: np.ndarray, weight: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the weight of concordant and of all pairs of two sets of rows, ascending by risk."""
    first, total = weight[..., earlier], np.zeros((*weight.shape[:-1], len(later) + 1))
    np.cumsum(weight[..., later], axis=-1, out=total[..., 1:])
    below = np.searchsorted(risk[later], risk[earlier], side="left")
    upto = np.searchsorted(risk[later], risk[earlier], side="right")
    right = (first * (total[..., below] + total[..., upto])).sum(axis=-1) / 2
    return right, first.sum(axis=-1) * total[..., -1]
