"""The same units in several runs that differ in when, and whether, they were inserted.

A unit of one run and the same unit of another are a pair that differs in the insertion alone. So
what becomes of an insertion in each phase of training, and what is forgotten after it, is seen text
by text.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from memorization.arm.firth import half_dose
from memorization.arm.intervals import mean, wilson


def compare_runs(
    dose: np.ndarray, runs: dict[str, np.ndarray], target: str, level: float
) -> dict[str, dict[str, Any]]:
    """Return what became of the units in each run.

    Parameters
    ----------
    dose : int [n], the copies of each unit wherever it is inserted.
    runs : run -> whether each unit is memorized at the end, bool [n].
    level : coverage of the intervals.

    Returns
    -------
    dict
        run -> ``ed50``, the dose that memorizes one half, None where nothing is memorized;
        ``memorized``: dose -> the share, with Wilson's interval; and ``less_target``: dose -> the
        mean difference from the target over the same units, with its t interval, None of the target
        itself.
    """
    cells = {str(each): np.flatnonzero(dose == each) for each in np.unique(dose)}

    def of_run(name: str, memorized: np.ndarray) -> dict[str, Any]:
        change = memorized.astype(np.float64) - runs[target]
        return {
            "ed50": half_dose(dose, memorized, level) if memorized.any() else None,
            "memorized": {
                cell: wilson(float(memorized[rows].mean()), len(rows), level)
                for cell, rows in cells.items()
            },
            "less_target": None
            if name == target
            else {cell: mean(change[rows], level) for cell, rows in cells.items()},
        }

    return {name: of_run(name, memorized) for name, memorized in runs.items()}
