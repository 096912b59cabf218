"""Dose and response while training goes on: the experiment beside natural texts.

Natural texts are those that occur as often and were followed, with the weights of their sample. As
at the end, the difference is a gap, not a bias; see `memorization.arm.gap`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from memorization.arm.gap import TOLERANCE, proportion
from memorization.arm.intervals import wilson
from memorization.intensities.clock import reached
from memorization.strata import CONTINUATIONS
from memorization.study import Histories, Study

# Parts of training at which the two are compared.
PERCENTS = tuple(range(10, 101, 10))


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
        near = None if followed is None else _near(followed, int(dose))
        found[str(dose)] = {}
        for percent in PERCENTS:
            at = reached(histories.steps, percent)
            share = float(histories.memorized[rows, at].mean())
            sides = {"experiment": wilson(share, len(rows), level) | {"n": len(rows)}}
            if near is not None:
                states = near.known_histories.memorized[:, at]
                sides["natural"] = proportion(states, near.cluster, near.weight, level)
            found[str(dose)][str(percent)] = sides
    return found


def _near(followed: Study, dose: int) -> Study | None:
    """Return the natural texts whose continuation occurs about as often; None: there are none."""
    count = followed.features[CONTINUATIONS].to_numpy()
    rows = (count >= dose / TOLERANCE) & (count < dose * TOLERANCE)
    return followed.take(rows) if rows.any() else None
