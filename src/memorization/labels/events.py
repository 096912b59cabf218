"""From trajectories to event times, and what the labels look like as a whole."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from memorization.protocol import CONTINUATION


def event_times(index: np.ndarray, steps: np.ndarray, match_length: np.ndarray) -> pd.DataFrame:
    """Return the labels table: event times under both definitions, and censoring.

    ``first_step`` is the first checkpoint at which a sequence is memorized, ``stable_step`` the
    first from which it stays memorized to the end; null if never. A checkpoint only shows that the
    first event lies between it and the one before: in (``lower``, ``upper``], ``upper`` null when
    censored at the end. Every checkpoint is observed, so observation starts at step 0.

    Parameters
    ----------
    index : int64 [n].
    steps : int [c], ascending.
    match_length : int8 [n, c].

    >>> match_length = np.array([[0, 32, 9, 32], [3, 0, 1, 2]], dtype=np.int8)
    >>> table = event_times(np.array([7, 9]), np.array([10, 20, 30, 40]), match_length)
    >>> table[["first_step", "stable_step", "lower", "upper"]].astype(object).values.tolist()
    [[20, 40, 10, 20], [<NA>, <NA>, 40, <NA>]]
    """
    memorized = match_length == CONTINUATION
    ever, at_end = memorized.any(axis=1), memorized[:, -1]
    first = memorized.argmax(axis=1)
    # The run of memorized checkpoints that ends at the last one starts after the last gap.
    stable = memorized.shape[1] - np.minimum.accumulate(memorized[:, ::-1], axis=1).sum(axis=1)
    before = np.concatenate([[0], steps])
    return pd.DataFrame(
        {
            "index": index.astype(np.int64),
            "memorized": at_end,
            "match_length": match_length[:, -1],
            "first_step": _nullable(steps[first], ever),
            "stable_step": _nullable(steps[np.minimum(stable, len(steps) - 1)], at_end),
            "entry": np.zeros(len(index), np.int32),
            "lower": np.where(ever, before[first], steps[-1]).astype(np.int32),
            "upper": _nullable(steps[first], ever),
        }
    )


def _nullable(steps: np.ndarray, known: np.ndarray) -> pd.arrays.IntegerArray:
    return pd.arrays.IntegerArray(steps.astype(np.int32), ~known)


def label_statistics(
    labels: pd.DataFrame,
    weight: np.ndarray,
    texts: np.ndarray,
    match_length: np.ndarray,
    step_seen: np.ndarray,
) -> dict[str, Any]:
    """Return what the labels look like, in the sample and weighted to the population.

    Parameters
    ----------
    labels : the labels table, n rows.
    weight : float [n], population sequences a row stands for.
    texts : int [n], equal for rows of the same text.
    match_length : int8 [n, c].
    step_seen : int [n], the step in which a sequence is itself trained on.
    """
    memorized = match_length == CONTINUATION
    at_end = labels["memorized"].to_numpy()
    ever = memorized.any(axis=1)
    switches = (memorized[:, 1:] != memorized[:, :-1]).sum(axis=1)
    first, stable = labels["first_step"][at_end], labels["stable_step"][at_end]
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
            "first_step_quantiles": _quantiles(first),
            "stable_step_quantiles": _quantiles(stable),
            "median_switches": float(np.median(switches[at_end])) if at_end.any() else None,
            "before_being_seen": float(np.mean(first.to_numpy(dtype=np.int64) < step_seen[at_end]))
            if at_end.any()
            else None,
        },
    }


def _quantiles(steps: pd.Series) -> dict[str, float]:
    return {f"{q:.0%}": float(steps.quantile(q)) for q in (0.1, 0.25, 0.5, 0.75, 0.9)}
