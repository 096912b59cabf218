"""Two rules that know how often a sequence occurs, and nothing of its text.

`Count` takes how often it occurs in all of the training, `ExposureClock` how often it was met so
far, and when last. Each is a handful of coefficients without a penalty. That the second is no model
of the text, and still a moving target, makes it the one to beat.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from memorization.intensities.logistic import FREE
from memorization.study import Study
from memorization.when.models.intensities import Logistic
from memorization.when.models.model import CountRule


@dataclass(frozen=True)
class Count(CountRule, Logistic):
    """Onset and loss by the logarithm of the count; a ranking by the count itself.

    Attributes
    ----------
    intensities : with the count as their one feature, and no exposures.
    """

    grid: ClassVar[Sequence[float]] = (FREE,)

    @classmethod
    def known(cls, study: Study) -> Study:
        """Return the study without its exposures."""
        return replace(study, histories=study.known_histories.unseen())


@dataclass(frozen=True)
class ExposureClock(Count):
    """Onset and loss by the exposures so far, the last of them, and time."""

    needs_exposures: ClassVar[bool] = True

    @classmethod
    def known(cls, study: Study) -> Study:
        """Return the study without its features."""
        return study.only([])
