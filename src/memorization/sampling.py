"""The case-cohort sample: which sequences to study, and how many each one stands for."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd

NOTHING = np.empty(0, np.int64)


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
