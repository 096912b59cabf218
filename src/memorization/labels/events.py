"""From trajectories to event times, and what the labels look like as a whole.

How the labels table reads in a survival likelihood
---------------------------------------------------
The event of a sequence is in (``lower``, ``upper``]; null ``upper``: not by ``lower``, the end. The
sample is drawn without regard to *when* a sequence is memorized, so nothing is truncated, and a row
contributes S(lower) − S(upper), or S(lower), **whatever its** ``entry``: the full likelihood.

``entry`` serves the other way to write it, risk sets with delayed entry: a row is at risk at the
checkpoints after ``entry``. It is 0 where every checkpoint was evaluated on the sequence (a scan).
Published evaluations begin, for a sequence, with the first after it was trained on; where earlier
ones left it out, ``entry`` is that first one: its state is known from there on. If it was memorized
there already, its event is left-censored, (0, ``entry``], and ``upper`` ≤ ``entry``: it is in no
risk set and contributes nothing. Both ways are consistent. A mixture is not: to divide by S(entry)
for those that were not memorized at ``entry``, and to count F(entry) for those that were, drives
the estimate of F(entry) to one.

With a single evaluation, the last, no order in time is known: ``first_step`` and ``stable_step``
are null, and the interval says all there is: (0, last] or after.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from memorization.labels.trajectories import Trajectories
from memorization.protocol import CONTINUATION


def event_times(trajectories: Trajectories) -> pd.DataFrame:
    """Return the labels table: event times under both definitions, and censoring.

    ``first_step`` is the first evaluation at which a sequence is memorized, ``stable_step`` the
    first from which it stays memorized to the end; null if never. An evaluation only shows that the
    first event lies between it and the one before: in (``lower``, ``upper``], ``upper`` null when
    censored at the end; see the module for ``entry``. Each sequence must be observed from some
    checkpoint on to the end.

    >>> match_length = np.array([[0, 32, 9, 32], [3, 0, 1, 2], [-1, 32, 32, 32]], dtype=np.int8)
    >>> observed = np.array([[1, 1, 1, 1], [1, 1, 1, 1], [0, 1, 1, 1]], dtype=bool)
    >>> index, steps = np.array([7, 9, 11]), np.array([10, 20, 30, 40])
    >>> table = event_times(Trajectories(index, steps, match_length, np.zeros((3, 4)), observed))
    >>> table.loc[:, "first_step":].astype(object).values.tolist()
    [[20, 40, 0, 10, 20], [<NA>, <NA>, 0, 40, <NA>], [20, 20, 20, 0, 20]]
    """
    steps, memorized = trajectories.steps, trajectories.memorized
    ever = np.asarray(memorized.any(axis=1))
    at_end = memorized[:, -1]
    first, begins = memorized.argmax(axis=1), trajectories.observed.argmax(axis=1)
    # The run of memorized checkpoints that ends at the last one starts after the last gap.
    stable = memorized.shape[1] - np.minimum.accumulate(memorized[:, ::-1], axis=1).sum(axis=1)
    # With one evaluation alone there is no order.
    timed = np.full(len(memorized), len(steps) > 1)
    before = np.concatenate([[0], steps])
    lower = np.where(first > begins, before[first], 0)
    return pd.DataFrame(
        {
            "index": trajectories.index.astype(np.int64),
            "memorized": at_end,
            "match_length": trajectories.match_length[:, -1],
            "first_step": _nullable(steps[first], ever & timed),
            "stable_step": _nullable(steps[np.minimum(stable, len(steps) - 1)], at_end & timed),
            "entry": _nullable(np.where(begins == 0, 0, steps[begins]), known=True),
            "lower": _nullable(np.where(ever, lower, steps[-1]), known=True),
            "upper": _nullable(steps[first], ever),
        }
    )


def with_unfollowed(
    labels: pd.DataFrame, index: np.ndarray, match_length: np.ndarray
) -> pd.DataFrame:
    """Return the labels of all n sequences, int64 [n], in this order.

    Of those that are not among the labels only the end is known, ``match_length``, int8 [n] of all;
    their times are null.

    >>> labels = pd.DataFrame({"index": [7], "memorized": [True], "match_length": [32]})
    >>> labels["entry"] = pd.array([0], "Int32")
    >>> found = with_unfollowed(labels, np.array([3, 7]), np.array([5, 32], dtype=np.int8))
    >>> found.astype(object).values.tolist()
    [[3, False, 5, <NA>], [7, True, 32, 0]]
    """
    found = labels.set_index("index").reindex(index)
    # Where a sequence was followed, what its trajectory ends in stands: passes of other shapes
    # round otherwise, and a near-tie could come out differently.
    known = found["match_length"].notna().to_numpy()
    length = np.where(known, found["match_length"].fillna(0), match_length).astype(np.int8)
    return found.reset_index().assign(memorized=length == CONTINUATION, match_length=length)


def _nullable(steps: np.ndarray, known: np.ndarray | bool) -> pd.arrays.IntegerArray:
    unknown = ~np.broadcast_to(np.asarray(known), steps.shape)
    return pd.arrays.IntegerArray(steps.astype(np.int32), unknown)


def label_statistics(
    labels: pd.DataFrame,
    weight: np.ndarray,
    texts: np.ndarray,
    trajectories: Trajectories,
    step_seen: np.ndarray,
) -> dict[str, Any]:
    """Return what the n labels look like.

    Numbers of sequences and of texts are those of the sample; all else is weighted to the
    population. What cannot be told from the evaluations is null: times where there is one
    evaluation only, and how many were memorized before being seen where evaluations leave out what
    was not seen yet.

    Parameters
    ----------
    weight : float [n], population sequences a row stands for.
    texts : int [n], equal for rows of the same text.
    step_seen : int [n], the step in which a sequence is itself trained on.
    """
    memorized, observed = trajectories.memorized, trajectories.observed
    at_end = labels["memorized"].to_numpy()
    ever = memorized.any(axis=1)
    switches = ((memorized[:, 1:] != memorized[:, :-1]) & observed[:, :-1]).sum(axis=1)
    own, steps = weight[at_end], labels.loc[at_end, ["first_step", "stable_step"]]
    timed = bool(at_end.any()) and len(trajectories.steps) > 1
    return {
        "sequences": len(labels),
        "distinct_texts": len(np.unique(texts)),
        "memorized": {
            "sequences": int(at_end.sum()),
            "distinct_texts": len(np.unique(texts[at_end])),
            "population_fraction": float(np.average(at_end, weights=weight)),
        },
        "forgotten": {
            "sequences": int((ever & ~at_end).sum()),
            "population_fraction": float(np.average(ever & ~at_end, weights=weight)),
        },
        "of_the_memorized": {
            "first_step_quantiles": _quantiles(steps["first_step"], own),
            "stable_step_quantiles": _quantiles(steps["stable_step"], own),
            "median_switches": _quantile(switches[at_end], 0.5, own) if timed else None,
            "before_being_seen": float(
                np.average(
                    steps["first_step"].to_numpy(dtype=np.int64) < step_seen[at_end], weights=own
                )
            )
            if timed and observed.all()
            else None,
        },
    }


def _quantiles(steps: pd.Series, weight: np.ndarray) -> dict[str, float | None]:
    known = steps.notna().to_numpy()
    values = steps[known].to_numpy(dtype=np.float64)
    return {
        f"{q:.0%}": _quantile(values, q, weight[known]) if len(values) else None
        for q in (0.1, 0.25, 0.5, 0.75, 0.9)
    }


def _quantile(values: np.ndarray, q: float, weight: np.ndarray) -> float:
    """Return the least value that a share q of the weight does not exceed."""
    return float(np.quantile(values, q, weights=weight, method="inverted_cdf"))
