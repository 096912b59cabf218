"""What all intensities have in common: three chances, and the forecast that follows from them."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
import pandas as pd

from memorization.intensities.forward import Forecast, forward
from memorization.intensities.transitions import TRANSITIONS
from memorization.study import Histories

# Sequences that are forecast at a time, which bounds the memory.
BLOCK = 2_000


class Intensities(ABC):
    """Fitted chances of the first onset, of onset again and of loss, at each checkpoint."""

    @abstractmethod
    def chances(self, features: pd.DataFrame, histories: Histories) -> dict[str, np.ndarray]:
        """Return transition -> its chance at each checkpoint by time in the state.

        float64 [n, c, len(AGES)] each, but [n, c, 1] of the first onset. Of the histories the
        exposures, their checkpoints and the first evaluations are used, never the states.
        """

    def forecast(self, histories: Histories, features: pd.DataFrame | None = None) -> Forecast:
        """Return what is expected of sequences before training, given when they will be seen.

        Parameters
        ----------
        features : a row for each; None, of intensities that know nothing of the text.
        """
        features = pd.DataFrame(index=range(len(histories))) if features is None else features
        parts = []
        for start in range(0, max(len(histories), 1), BLOCK):
            rows = np.arange(start, min(start + BLOCK, len(histories)))
            own = histories.take(rows)
            chances = self.chances(features.iloc[rows], own)
            # What was not looked at could not be found memorized.
            first, again, loss = (chances[name] * own.observed[:, :, None] for name in TRANSITIONS)
            parts.append(forward(first[:, :, 0], again, loss))
        return Forecast(
            np.concatenate([part.survival for part in parts]),
            np.concatenate([part.memorized for part in parts]),
        )
