"""What the two models of lifelines have in common: three covariates, coefficients.

A count and two measures of the text, those that the randomised arm is described by too. With all
features of a study, a hundred or more, one fit takes lifelines a minute.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd
from lifelines.exceptions import ConvergenceError

from memorization.errors import UserError
from memorization.evaluation.crossfit import Tiers, every
from memorization.intensities.covariates import Covariates
from memorization.strata import CONTINUATIONS
from memorization.when.models.model import SurvivalModel, of_count

TEXT = ("ngram.surprisal", "compressibility.zlib_ratio")
# Strengths of the L2 penalty, of the log-likelihood of all rows; the next one is tried when the
# search does not converge, as where covariates separate the events.
PENALTIES = (1.0, 100.0, 1e4)


@dataclass(frozen=True)
class ParsimoniousModel(SurvivalModel):
    """A model of a count and `TEXT`.

    Attributes
    ----------
    covariates : the map from features to standardised ones.
    coefficients : float [k].
    """

    covariates: Covariates
    coefficients: np.ndarray
    requires: ClassVar[str | None] = CONTINUATIONS

    @classmethod
    def columns(cls, tiers: Tiers) -> Tiers:
        """Return the finest count that is known, and those of `TEXT` that are."""
        known = tuple(name for name in TEXT if name in every(tiers))
        return {tier: (*count, *known) for tier, count in of_count(tiers).items()}


def converged(fit: Callable[[float], pd.Series], name: str, n: int) -> pd.Series:
    """Return the estimates of the weakest of `PENALTIES` at which a fit to n rows converges.

    Raises
    ------
    UserError
        If it does at none.
    """
    for penalty in PENALTIES:
        try:
            with warnings.catch_warnings():
                # Of standard errors, which are not used, and of steps on the way.
                warnings.simplefilter("ignore")
                found = fit(penalty / n)
        except (ConvergenceError, ValueError):
            continue
        if np.isfinite(found).all():
            return found
    raise UserError(
        f"when.models: '{name}' does not converge on these {n} sequences; study more of them or "
        "leave it out"
    )
