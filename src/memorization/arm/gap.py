"""The gap: what copies do in the experiment, beside how natural texts that occur as often fare.

It is called a gap and not a bias. Natural texts that occur as often are others (boilerplate), stand
at any offset of a window rather than in one half of it, and come in variants; and the experiment's
texts are of one pool. All of that enters.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from memorization.arm.intervals import difference, wilson
from memorization.evaluation.intervals import kish

# Natural texts of a dose occur between the dose over this and the dose times this.
TOLERANCE = 2**0.5
# The covariates that the standardisation is over.
COVARIATES = ("exposed_surprisal", "compressibility")


def gaps(units: pd.DataFrame, natural: pd.DataFrame, level: float) -> dict[str, dict[str, Any]]:
    """Return, for each dose of exact copies above 0, the experiment beside natural texts.

    ``experiment`` is the share of units memorized; ``natural`` that of natural sequences whose
    continuation occurs about as often; ``standardized`` the same, with the covariates distributed
    as among the units, where the two overlap; ``overlap`` the share of units with natural
    sequences like them; ``gap`` the experiment less ``standardized``. Each proportion of natural
    sequences has the Wilson interval of as many texts as their clusters are worth (``clusters``,
    Kish 1965), the gap that of Newcombe (1998), which takes the standardisation for exact.

    Parameters
    ----------
    units : as `memorization.tables.ARM`.
    natural : ``count`` (of the continuation), ``memorized``, ``weight``, ``cluster``, and the
        covariates, a row a sequence.
    """
    exact = units[units["schedule"] == "random"]
    found = {}
    for dose in sorted(set(exact["dose"]) - {0}):
        own = exact[exact["dose"] == dose]
        count = natural["count"].to_numpy()
        near = natural[(count >= dose / TOLERANCE) & (count < dose * TOLERANCE)]
        share, overlap = standard_weights(own, near)
        weights = {"natural": near["weight"].to_numpy(dtype=np.float64), "standardized": share}
        sides = {
            name: proportion(near["memorized"], near["cluster"], weight, level)
            for name, weight in weights.items()
        }
        experiment = wilson(float(own["memorized"].mean()), len(own), level)
        found[str(dose)] = {
            "experiment": experiment | {"n": len(own)},
            **sides,
            "overlap": overlap,
            "gap": difference(experiment, sides["standardized"]),
        }
    return found


def standard_weights(units: pd.DataFrame, natural: pd.DataFrame) -> tuple[np.ndarray, float]:
    """Return weights that give natural sequences the units' covariates, and the overlap.

    The covariates' plane is cut at the units' medians into four. A part's natural sequences, of
    those within the units' range, weigh together as much as its units; parts without any are left
    out, and their units are what does not overlap.

    Parameters
    ----------
    units, natural : with the covariates, u and n rows; ``natural`` with ``weight``.

    Returns
    -------
    float64 [n], with the sum 1 or, without overlap, 0; and a share of the units.
    """
    part, own_part = np.zeros(len(natural), np.int64), np.zeros(len(units), np.int64)
    inside = np.ones(len(natural), bool)
    for name in COVARIATES:
        own, other = units[name].to_numpy(), natural[name].to_numpy()
        part = 2 * part + (other > np.median(own))
        own_part = 2 * own_part + (own > np.median(own))
        inside &= (other >= own.min()) & (other <= own.max())
    weight = np.where(inside, natural["weight"].to_numpy(dtype=np.float64), 0.0)
    n_parts = 2 ** len(COVARIATES)
    total = np.bincount(part, weight, n_parts)
    wanted = np.bincount(own_part, minlength=n_parts) / len(units)
    overlap = float(wanted[total > 0].sum())
    factor = np.divide(wanted, total, out=np.zeros(n_parts), where=total > 0)
    return weight * factor[part] / max(overlap, np.finfo(float).tiny), overlap


def proportion(
    memorized: ArrayLike, cluster: ArrayLike, weight: np.ndarray, level: float
) -> dict[str, Any]:
    """Return the share of natural sequences that is memorized, with Wilson's interval of as many
    texts as their clusters are worth, ``n`` and ``clusters``.

    Parameters
    ----------
    memorized, cluster, weight : [n], of each sequence; without any weight nothing is known.
    """
    total = weight.sum()
    if total <= 0:
        return wilson(np.nan, 0, level) | {"n": 0, "clusters": 0.0}
    _, member = np.unique(cluster, return_inverse=True)
    clusters = float(kish(np.bincount(member, weight)))
    share = float(weight @ np.asarray(memorized, dtype=np.float64) / total)
    found = wilson(share, clusters, level)
    return found | {"n": int((weight > 0).sum()), "clusters": clusters}
