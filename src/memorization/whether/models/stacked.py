"""Boosted trees that also know what a bag of n-grams says of the text.

Features tell what a text is like, n-grams what it is about; each ranks texts that the other does
not. The trees see the n-grams' log-odds as one more feature. In the rows that they are fitted to,
these are of regressions that have not seen the row's fold (Wolpert 1992, "Stacked generalization"):
of rows that it has seen, a regression on thousands of words is far too sure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np

from memorization.evaluation.crossfit import Tiers
from memorization.study import Study
from memorization.whether.models.boosting import Boosting
from memorization.whether.models.classifier import BinaryModel, Rates, log_odds
from memorization.whether.models.ngrams import NGrams

COLUMN = "ngrams.log_odds"


@dataclass(frozen=True)
class Stacked(BinaryModel):
    """Boosted trees on the features of the text and on the n-grams' log-odds.

    Attributes
    ----------
    ngrams, trees : fitted to the same rows.
    chosen : of the n-grams.
    """

    ngrams: NGrams
    trees: Boosting
    reads_text: ClassVar[bool] = True
    chosen: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def columns(cls, tiers: Tiers) -> Tiers:
        """Return the features of the lowest tier; to one that counts, n-grams add nothing."""
        return {"text": tiers["text"]} if "text" in tiers else {}

    @classmethod
    def train(cls, rows: Study, seed: int) -> Stacked:
        """Return both; the penalty of the n-grams is chosen once, on all rows.

        Rows of one fold are kept apart by clusters instead.
        """
        ngrams = NGrams.train(rows, seed)
        parts = rows.fold
        if (parts == parts[0]).all():
            parts = np.unique(rows.cluster, return_inverse=True)[1] % 2
        odds = np.empty(len(rows))
        for part in np.unique(parts):
            own, others = rows.take(parts == part), rows.take(parts != part)
            if others.truth.any() and not others.truth.all():
                unseen: BinaryModel = NGrams.regressed(others, ngrams.chosen["C"])
            else:
                unseen = Rates.train(rows, seed)
            odds[parts == part] = _log_odds(unseen, own)
        return cls(ngrams, Boosting.train(_knowing(rows, odds), seed), ngrams.chosen)

    def predict(self, study: Study, rows: np.ndarray) -> np.ndarray:
        """Return the probability of some rows of a study, float64 [m]."""
        own = study.take(rows)
        return self.trees.probability(_knowing(own, _log_odds(self.ngrams, own)).features)


def _log_odds(model: BinaryModel, rows: Study) -> np.ndarray:
    return log_odds(model.predict(rows, np.arange(len(rows))))


def _knowing(rows: Study, odds: np.ndarray) -> Study:
    return replace(rows, features=rows.features.assign(**{COLUMN: odds}))
