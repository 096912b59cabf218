"""Tests by randomisation: what the lottery itself would have given if nothing mattered."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from memorization.arm.intervals import mean
from memorization.params import SCHEDULES

# All sign changes of so many blocks are tried; of more, so many at random.
ALL_OF = 14
DRAWS = 2**ALL_OF
POWER = 0.8
# Numbers in a table of draws and units: 160 MB.
CELLS = 20_000_000
# Differences of the last bits are none.
TIE = 1e-9


def contrasts(
    units: pd.DataFrame,
    outcome: str,
    dose: int,
    level: float,
    rng: np.random.Generator,
) -> dict[str, dict[str, Any]]:
    """Return each schedule against exact copies at random positions, as often, block by block.

    Nothing where all copies are at random positions.

    ``value``, ``low`` and ``high`` are the mean difference within blocks and its t interval; ``p``
    is of the permutation test, in which the two cells of a block change places; ``p_holm`` is
    corrected for the number of contrasts (Holm 1979); ``minimal_detectable`` is the difference that
    would be found with a power of .8 at the level that the correction asks of the smallest p.

    Parameters
    ----------
    units : as `memorization.tables.ARM`.
    outcome : its column, such as ``logprob``.
    dose : of the schedules.
    """
    if units["schedule"].eq("random").all():
        return {}
    tables = units.pivot(index="block", columns="cell", values=outcome).astype(np.float64)
    found: dict[str, dict[str, Any]] = {}
    for schedule in SCHEDULES:
        change = (tables[schedule] - tables[str(dose)]).dropna().to_numpy()
        found[schedule] = {
            **mean(change, level),
            "p": sign_change_p(change, rng),
            "blocks": len(change),
            "minimal_detectable": minimal_detectable(change, (1 - level) / len(SCHEDULES)),
        }
    corrected = holm({name: result["p"] for name, result in found.items()})
    return {name: result | {"p_holm": corrected[name]} for name, result in found.items()}


def sign_change_p(change: np.ndarray, rng: np.random.Generator) -> float:
    """Return how often as large a mean comes about when the signs of differences are a lottery.

    Two-sided. Exact for 14 differences or fewer; of more, the observed one counts among the draws
    (Phipson & Smyth 2010), so that p is never 0.

    Parameters
    ----------
    change : float64 [n].

    >>> sign_change_p(np.array([1.0, 2.0, 3.0]), np.random.default_rng(0))
    0.25
    """
    n = len(change)
    observed = abs(change.sum()) - TIE * max(1.0, float(np.abs(change).sum()))
    if n <= ALL_OF:
        signs = 1 - 2 * (np.arange(2**n)[:, None] >> np.arange(n) & 1)
        return float(np.mean(np.abs(signs @ change) >= observed))
    signs = rng.choice([-1.0, 1.0], (DRAWS, n))
    return float((1 + np.sum(np.abs(signs @ change) >= observed)) / (1 + DRAWS))


def minimal_detectable(change: np.ndarray, alpha: float) -> float:
    """Return the mean difference that n pairs find with a power of .8, two-sided; NaN below 2."""
    n = len(change)
    if n < 2:
        return math.nan
    quantiles = stats.t.ppf([1 - alpha / 2, POWER], n - 1).sum()
    return float(quantiles * change.std(ddof=1) / math.sqrt(n))


def holm(p: Mapping[str, float]) -> dict[str, float]:
    """Return p-values corrected for their number (Holm 1979), by the same names.

    >>> holm({"a": 0.01, "b": 0.04, "c": 0.03})
    {'a': 0.03, 'b': 0.06, 'c': 0.06}
    """
    names = sorted(p, key=lambda name: p[name])
    scaled = [p[name] * (len(p) - rank) for rank, name in enumerate(names)]
    corrected = np.minimum(np.maximum.accumulate(scaled), 1.0)
    by_name = dict(zip(names, corrected.tolist(), strict=True))
    return {name: by_name[name] for name in p}


def text_effects(
    units: pd.DataFrame, feature: str, outcome: str, rng: np.random.Generator, draws: int = 9999
) -> dict[str, float]:
    """Return whether a feature of the text matters, given the dose: exact copies only.

    A regression of the outcome on blocks, doses and the feature, in its standard deviations:
    ``slope`` is its coefficient, ``interaction`` that of its product with log2(dose + 1), each with
    the p of a test that deals the feature out anew within blocks. As blocks are alike in surprisal,
    little of that varies within them: ``within_blocks`` is the share of the feature's variance that
    a test within blocks can use.

    Parameters
    ----------
    units : as `memorization.tables.ARM`.
    feature, outcome : columns.
    draws : of the permutation; fewer of many units, whose tables would fill the memory.
    """
    exact = units[units["schedule"] == "random"]
    draws = min(draws, CELLS // max(len(exact), 1))
    block = exact["block"].to_numpy()
    z = exact[feature].to_numpy(dtype=np.float64)
    z = (z - z.mean()) / max(z.std(), TIE)
    y = exact[outcome].to_numpy(dtype=np.float64)
    dose = np.log2(exact["dose"].to_numpy() + 1.0)
    fixed = pd.get_dummies(exact[["block", "cell"]].astype(str), dtype=np.float64).to_numpy()
    # What is left of anything once blocks and doses have explained their part.
    basis = np.linalg.svd(fixed, full_matrices=False)
    basis_u = basis[0][:, basis[1] > TIE]

    def left(values: np.ndarray) -> np.ndarray:
        return values - basis_u @ (basis_u.T @ values)

    order = np.lexsort((rng.random((draws, len(z))), np.broadcast_to(block, (draws, len(z)))))
    place = np.argsort(block, kind="stable")
    dealt = np.empty((draws + 1, len(z)))
    dealt[0] = z
    dealt[1:, place] = z[order]
    slope, interaction = _coefficients(left(dealt.T), left((dealt * dose).T), left(y))
    within = z - pd.Series(z).groupby(block).transform("mean").to_numpy()
    return {
        "slope": float(slope[0]),
        "slope_p": _rank(slope),
        "interaction": float(interaction[0]),
        "interaction_p": _rank(interaction),
        "within_blocks": float(np.mean(within**2)),
        "n": len(z),
    }


def _coefficients(
    main: np.ndarray, product: np.ndarray, y: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the slope alone and, beside it, that of the product, float64 [draws + 1] each."""
    mm, mp, pp = (main**2).sum(0), (main * product).sum(0), (product**2).sum(0)
    my, py = y @ main, y @ product
    mm = np.maximum(mm, TIE)
    return my / mm, (py - mp * my / mm) / np.maximum(pp - mp**2 / mm, TIE)


def _rank(coefficients: np.ndarray) -> float:
    size = np.abs(coefficients)
    return float(np.mean(size >= size[0] - TIE))
