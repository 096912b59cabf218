"""A rule of three numbers: exposures add up, fade, and suffice or not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

from memorization.evaluation.crossfit import unit_weight
from memorization.intensities.forward import Forecast
from memorization.study import Histories, Study
from memorization.when.models.model import CountRule

# Nothing seen is this many exposures, so that its logarithm is a number.
NOTHING = 1e-3
# Bounds of the forgetting rate, per whole training: from none to a half-life of 1/300 of it.
SLOWEST, FASTEST = 1e-3, 200.0
# Where the search starts: memory that halves in this part of the training.
STARTS = (0.03, 0.3, 3.0)


@dataclass(frozen=True)
class Accumulation(CountRule):
    """Memorized when effective exposures pass a threshold of the sequence's own.

    An exposure counts exp(-forgetting × the part of training since); thresholds are log-logistic.
    So the odds of being memorized are (effective exposures / threshold) ** steepness, and the first
    onset is when they are first so many. Fitted to the states at all checkpoints, as if
    independent: a composite likelihood, whose maximum is consistent (Varin, Reid & Firth 2011).

    Attributes
    ----------
    threshold : effective exposures that suffice for half of the sequences.
    steepness : of the log-odds in the logarithm of effective exposures.
    forgetting : rate per whole training.
    """

    threshold: float
    steepness: float
    forgetting: float
    needs_exposures: ClassVar[bool] = True

    @classmethod
    def train(cls, rows: Study, rng: np.random.Generator) -> Self:
        """Return the maximum of the weighted composite likelihood, from the best of some starts."""
        histories = rows.known_histories
        weight = unit_weight(rows.weight)[:, None] * histories.observed
        memorized = histories.memorized

        def loss(values: np.ndarray) -> float:
            log_odds = _log_odds(histories, *values)
            # log(1 + e^x) - x where memorized.
            return float((weight * (np.logaddexp(0.0, log_odds) - memorized * log_odds)).mean())

        bounds = [(-5.0, 12.0), (0.05, 20.0), (np.log(SLOWEST), np.log(FASTEST))]
        found = [
            minimize(loss, [3.0, 2.0, np.log(np.log(2) / part)], method="L-BFGS-B", bounds=bounds)
            for part in STARTS
        ]
        threshold, steepness, rate = min(found, key=lambda result: result.fun).x
        return cls(float(np.exp(threshold)), float(steepness), float(np.exp(rate)))

    def forecast(self, study: Study) -> Forecast:
        """Return the forecast; see `SurvivalModel.forecast`."""
        values = np.log(self.threshold), self.steepness, np.log(self.forgetting)
        memorized = expit(_log_odds(study.known_histories, *values))
        return Forecast.of(1 - np.maximum.accumulate(memorized, axis=1), memorized)


def effective_exposures(histories: Histories, forgetting: float) -> np.ndarray:
    """Return the exposures so far, each discounted since its checkpoint, float64 [n, c]."""
    assert histories.seen is not None
    new = np.diff(histories.seen, axis=1, prepend=0).astype(np.float64)
    kept = np.exp(-forgetting * np.diff(histories.steps, prepend=0) / histories.steps[-1])
    found = np.empty(new.shape)
    total = np.zeros(len(new))
    for at in range(new.shape[1]):
        total = total * kept[at] + new[:, at]
        found[:, at] = total
    return found


def _log_odds(
    histories: Histories, threshold: float, steepness: float, forgetting: float
) -> np.ndarray:
    effective = effective_exposures(histories, float(np.exp(forgetting)))
    return steepness * (np.log(effective + NOTHING) - threshold)
