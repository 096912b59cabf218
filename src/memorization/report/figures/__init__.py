"""The figures of the paper, ``paper/figures/NAME.svg``.

More than twelve files: one each, so that a reader of a figure finds what drew it by its name. A new
one is a module here with a function ``draw``, a text ``ALT`` that tells those who do not see the
picture in a sentence or two what it shows, true of any results, and a line below.
"""
# ruff: noqa: F401 - the imports are the list.

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

from matplotlib.figure import Figure

from memorization.report.figures import (
    calibration,
    correlation,
    dose_over_time,
    dose_response,
    external,
    growth,
    idea,
    importance,
    landmarks,
    leakage,
    memorized_by_count,
    memorized_by_size,
    onset_and_loss,
    onset_by_dose,
    precision_recall,
    scores_by_tier,
    seeds,
    siblings,
    state_over_training,
    trajectories,
    univariate,
)
from memorization.report.results import Results

MODULES = {name: found for name, found in globals().items() if isinstance(found, ModuleType)}
FIGURES: dict[str, Callable[[Results], Figure]] = {n: module.draw for n, module in MODULES.items()}
ALT: dict[str, str] = {name: module.ALT for name, module in MODULES.items()}
