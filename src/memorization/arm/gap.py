"""The gap: what copies do in the experiment, beside how natural texts that occur as often fare.

At the end of training, and while it goes on. It is called a gap and not a bias. Natural texts that
occur as often are others (boilerplate), stand at any offset of a window rather than in one half of
it, and come in variants; and the experiment's texts are of one pool. All of that enters.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from memorization.arm.intervals import difference, wilson
from memorization.evaluation.intervals import kish
from memorization.intensities.clock import reached
from memorization.strata import CONTINUATIONS
from memorization.study import Histories, Study, read_features
from memorization.tables import LABELS, SEQUENCES, SPLITS, joined, read_table

# Natural texts of a dose occur between the dose over this and the dose times this.
TOLERANCE = 2**0.5
# The covariates that the standardisation is over, and the features that natural texts have of them.
COVARIATES = {
    "exposed_surprisal": "ngram.surprisal",
    "compressibility": "compressibility.zlib_ratio",
}
# Parts of training at which the two are compared.
PERCENTS = tuple(range(10, 101, 10))


def natural_texts(results: Path) -> pd.DataFrame | None:
    """Return the natural sequences of a folder of results, as `gaps` has them, by ``index``.

    None where a feature that it needs was not computed.
    """
    rows = joined(
        read_table(results / "sequences.parquet", SEQUENCES),
        labels=read_table(results / "labels.parquet", LABELS),
        features=read_features(results / "features.parquet"),
        splits=read_table(results / "splits.parquet", SPLITS),
    )
    if not {CONTINUATIONS, *COVARIATES.values()} <= set(rows.columns):
        return None
    return pd.DataFrame(
        {
            "index": rows["index"],
            "count": rows[CONTINUATIONS],
            "memorized": rows["memorized"],
            "weight": rows["weight"],
            "cluster": rows["cluster"],
            **{name: rows[column] for name, column in COVARIATES.items()},
        }
    )


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
        near = natural[_as_often(natural["count"].to_numpy(), dose)]
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


def over_time(
    units: pd.DataFrame, histories: Histories, followed: Study | None, level: float
) -> dict[str, dict[str, dict[str, Any]]]:
    """Return, for each dose of exact copies above 0, the share memorized as training goes on.

    Parameters
    ----------
    units : as `memorization.tables.ARM`.
    histories : of the units.
    followed : natural texts with histories at the same checkpoints, and the count of the
        continuation; None: there are none.

    Returns
    -------
    dict
        dose -> percentage of training -> ``experiment``, with Wilson's interval, and ``natural``,
        with that of as many texts as their clusters are worth; without it where there are none.
    """
    exact = units["schedule"] == "random"
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for dose in sorted(set(units["dose"][exact]) - {0}):
        rows = np.flatnonzero(exact & (units["dose"] == dose))
        near = None
        if followed is not None:
            near = followed.take(_as_often(followed.features[CONTINUATIONS].to_numpy(), dose))
        found[str(dose)] = {}
        for percent in PERCENTS:
            at = reached(histories.steps, percent)
            share = float(histories.memorized[rows, at].mean())
            sides = {"experiment": wilson(share, len(rows), level) | {"n": len(rows)}}
            if near is not None and len(near):
                states = near.known_histories.memorized[:, at]
                sides["natural"] = proportion(states, near.cluster, near.weight, level)
            found[str(dose)][str(percent)] = sides
    return found


def _as_often(count: np.ndarray, dose: int) -> np.ndarray:
    """Return which natural texts occur about as often as a dose, bool [n]."""
    return (count >= dose / TOLERANCE) & (count < dose * TOLERANCE)
