"""Trees on what the training data tell of a text, and on no feature of the text alone."""

from __future__ import annotations

from memorization.evaluation.crossfit import Tiers, without_text
from memorization.whether.models.boosting import Boosting


class WithoutText(Boosting):
    """`Boosting` on counts and the like, by which is told what the text adds to them."""

    @classmethod
    def columns(cls, tiers: Tiers) -> Tiers:
        """Return the features of the training data, where there are any."""
        return without_text(tiers)
