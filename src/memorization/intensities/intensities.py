"""What all intensities have in common: three chances, and the forecast that follows from them."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
import pandas as pd

from memorization.intensities.forward import Forecast, Place, forward
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

    def forecast(
        self,
        histories: Histories,
        features: pd.DataFrame | None = None,
        known: np.ndarray | None = None,
    ) -> Forecast:
        """Return what is expected of sequences, given when they will be seen.

        Parameters
        ----------
        features : a row for each; None, of intensities that know nothing of the text.
        known : bool [n, s], their states at the first s checkpoints, from where the forecast goes
            on with those after them; None: it is made before training.
        """
        start = 0 if known is None else known.shape[1]
        features = pd.DataFrame(index=range(len(histories))) if features is None else features
        parts = []
        for begin in range(0, max(len(histories), 1), BLOCK):
            rows = np.arange(begin, min(begin + BLOCK, len(histories)))
            own = histories.take(rows)
            chances = self.chances(features.iloc[rows], own)
            # What was not looked at could not be found memorized.
            first, again, loss = (chances[name] * own.observed[:, :, None] for name in TRANSITIONS)
            place = None if known is None else Place.known(known[rows])
            parts.append(forward(first[:, start:, 0], again[:, start:], loss[:, start:], place))
        return Forecast.joined(parts)
