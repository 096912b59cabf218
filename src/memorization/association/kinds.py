"""Recite, reconstruct, recollect: how many sequences are of each kind, and how many memorized."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from memorization.evaluation.bootstrap import estimate
from memorization.evaluation.metrics.ratio import ratio
from memorization.features.taxonomy import TAXONOMY, taxonomy
from memorization.study.strata import CONTINUATIONS

TEMPLATES = ("template.repeating", "template.incrementing")


def kinds(
    features: pd.DataFrame, truth: np.ndarray, weight: np.ndarray, drawn: np.ndarray, level: float
) -> dict[str, dict[str, Any]]:
    """Return the taxonomy's classes; none where a feature that decides them was not computed.

    Parameters
    ----------
    features : DataFrame [n], columns named family.name.
    truth : bool [n]
    weight : float [n]
    drawn : int [r, n], from `memorization.evaluation.bootstrap.cluster_multiplicities`.
    level : coverage of the intervals.

    Returns
    -------
    dict
        class -> ``n`` and ``cases``, its sampled and its memorized sequences; ``share`` of the
        population, ``memorized``, the share of the class that is, and ``of_memorized``, its share
        of all that is memorized, each ``{value, low, high}``.
    """
    if not {CONTINUATIONS, *TEMPLATES} <= set(features.columns):
        return {}
    kind = taxonomy(*(features[name].to_numpy() for name in (CONTINUATIONS, *TEMPLATES)))
    everything = np.ones(len(truth), dtype=bool)
    found = {}
    for name in TAXONOMY:
        own = kind == name
        found[name] = {"n": int(own.sum()), "cases": int((own & truth).sum())} | {
            key: estimate(_share, part, whole, weight, drawn, level)
            for key, part, whole in (
                ("share", own, everything),
                ("memorized", own & truth, own),
                ("of_memorized", own & truth, truth),
            )
        }
    return found


def _share(part: np.ndarray, whole: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Return the weight of a part over that of the whole, bool [n] each; NaN of an empty whole."""
    return ratio(weight @ part.astype(np.float64), weight @ whole.astype(np.float64))
