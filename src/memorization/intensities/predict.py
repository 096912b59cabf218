"""From a schedule of exposures to a trajectory: what happens to a text that is shown when."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from memorization.intensities.forward import Forecast
from memorization.intensities.intensities import Intensities
from memorization.study import Histories


def predict(
    intensities: Intensities,
    schedules: Sequence[np.ndarray],
    steps: np.ndarray,
    features: pd.DataFrame | None = None,
) -> Forecast:
    """Return what is expected of texts, given when they will be shown.

    Parameters
    ----------
    schedules : of each text, the optimizer steps at which it is shown, in any order; a step may
        come twice.
    steps : int [c], of the checkpoints, ascending.
    features : a row for each text; None, of intensities that know nothing of the text.
    """
    return intensities.forecast(planned(schedules, steps), features)


def planned(schedules: Sequence[np.ndarray], steps: np.ndarray) -> Histories:
    """Return the histories of texts that are shown at some steps, before it is known what comes.

    >>> planned([np.array([3, 10, 11]), np.array([])], np.array([10, 20])).seen.tolist()
    [[2, 3], [0, 0]]
    """
    seen = np.array(
        [np.searchsorted(np.sort(own), steps, side="right") for own in schedules], dtype=np.int64
    ).reshape(len(schedules), len(steps))
    nothing = np.zeros(seen.shape, bool)
    return Histories(nothing, ~nothing, np.asarray(steps), seen)
