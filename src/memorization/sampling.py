"""Which sequences to study, and how many each one stands for.

Where all of the training data are known, all sequences are studied, and a stratified sample of
them, by exposure, is followed through every checkpoint (`by_count`). Elsewhere a case-cohort sample
is drawn (`case_cohort`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np
import pandas as pd

from memorization.strata import STRATA, stratum_of

NOTHING = np.empty(0, np.int64)


def by_count(
    count: np.ndarray, sizes: Mapping[str, int], rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return which of n sequences to follow, bool [n], and the weight of each, float [n].

    Within each stratum of `memorization.strata.STRATA` as many as asked for are drawn at random, or
    all that there are: by exposure, never by outcome. ``weight`` is the inverse of the probability
    of being drawn, the stratum's size / the number drawn, and NaN for those that are not.

    Parameters
    ----------
    count : int [n], how often each continuation occurs in the training data.
    sizes : stratum -> sequences to draw.

    >>> count = np.array([1, 1, 1, 1, 300])
    >>> followed, weight = by_count(count, {"1": 2, "100+": 9}, np.random.default_rng(0))
    >>> int(followed.sum()), np.sort(weight[followed]).tolist()
    (3, [1.0, 2.0, 2.0])
    """
    followed, weight = np.zeros(len(count), dtype=bool), np.full(len(count), np.nan)
    stratum = stratum_of(count)
    for place, name in enumerate(STRATA):
        members = np.flatnonzero(stratum == place)
        drawn = rng.permutation(members)[: sizes.get(name, 0)]
        followed[drawn] = True
        weight[drawn] = len(members) / max(len(drawn), 1)
    return followed, weight


def case_cohort(
    population: int,
    memorized: np.ndarray,
    cases: int | Literal["all"],
    cohort: int,
    rng: np.random.Generator,
    pool: np.ndarray | None = None,
    without: np.ndarray = NOTHING,
) -> pd.DataFrame:
    """Return the sampled sequences with the weights that lead back to the population.

    Cases are drawn from the memorized sequences, the cohort from the whole population (Prentice
    1986). The two strata's sizes in the population are known exactly, so weights are
    post-stratified: ``weight`` = stratum size / sampled rows of the stratum, and both the number of
    memorized sequences and the population's size are recovered without error.

    Parameters
    ----------
    memorized : int64 [m], ``index`` of every memorized sequence.
    cases, cohort : how many of them to take, and how many of the whole population.
    pool : int64 [p], distinct ``index`` of a uniform sample of the population that the cohort is
        drawn from (a uniform sample of a uniform sample is one); None: from all.
    without : int64, ``index`` of a uniform sample of the population that is not to be drawn; what
        is left stands for it.

    Returns
    -------
    ``index`` int64 (ascending), ``case`` bool, ``weight`` float64.
    """
    candidates = memorized[~np.isin(memorized, without)]
    wanted = len(candidates) if cases == "all" else min(cases, len(candidates))
    chosen = rng.permutation(candidates)[:wanted]
    if len(without):
        pool = np.setdiff1d(np.arange(population) if pool is None else pool, without)
    size = min(cohort, population if pool is None else len(pool))
    drawn = rng.choice(population if pool is None else pool, size=size, replace=False)
    index = np.union1d(chosen, drawn)
    case = np.isin(index, memorized)
    weight = np.empty(len(index))
    weight[case] = len(memorized) / max(case.sum(), 1)
    weight[~case] = (population - len(memorized)) / max((~case).sum(), 1)
    return pd.DataFrame({"index": index.astype(np.int64), "case": case, "weight": weight})
