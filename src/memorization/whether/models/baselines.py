"""Baselines: what a model must beat to have learnt anything.

Each belongs to the tier of what it needs, and is fitted, predicted and scored as the models are.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from memorization.evaluation.crossfit import Tiers, every, unit_weight
from memorization.strata import CONTINUATIONS, DUPLICATES
from memorization.study import Study
from memorization.whether.models.classifier import Rates
from memorization.whether.models.logistic import Logistic


class Prevalence(Rates):
    """The share of the population that is memorized, for everyone."""

    @classmethod
    def columns(cls, tiers: Tiers) -> Tiers:
        """Return no feature, in the lowest tier."""
        return {"text": ()}


class DuplicateCount(Logistic):
    """The logistic regression on log(1 + a count): copies in the training data.

    Log-linear is how memorization was found to grow with copies (Carlini et al. 2023, figure 1b).
    """

    is_baseline: ClassVar[bool] = True
    count: ClassVar[str] = DUPLICATES

    @classmethod
    def columns(cls, tiers: Tiers) -> Tiers:
        """Return the count, where it is known."""
        return {"corpus": (cls.count,)} if cls.count in every(tiers) else {}


class ContinuationCount(DuplicateCount):
    """The same on how often the continuation occurs, after whatever prompt."""

    count: ClassVar[str] = CONTINUATIONS


class SmallerSibling(Rates):
    """The smaller model as predictor (Biderman et al. 2023, table 1), turned into probabilities."""

    @classmethod
    def columns(cls, tiers: Tiers) -> Tiers:
        """Return the label of the largest of the smaller models; nothing without siblings.

        Siblings come in order of size, as `memorization.features.sibling` writes them.

        >>> names = ("sibling.a_memorized", "sibling.b_memorized", "sibling.n_memorized")
        >>> SmallerSibling.columns({"sibling": names})
        {'sibling': ('sibling.b_memorized',)}
        """
        labels = [
            column
            for column in every(tiers)
            if column.startswith("sibling.") and column.endswith("_memorized")
        ]
        models = [column for column in labels if column != "sibling.n_memorized"]
        return {"sibling": (models[-1],)} if models else {}

    @classmethod
    def train(cls, rows: Study, seed: int) -> Rates:
        """Return the rates given that the next smaller model has, or has not, memorized a row.

        One row of average weight at the overall rate is added to each side, so that no rate is 0
        or 1.
        """
        (column,) = rows.features.columns
        memorized, weight = rows.features[column].to_numpy() > 0, unit_weight(rows.weight)
        overall = float(np.average(rows.truth, weights=weight))
        no, yes = (
            float((weight[side] @ rows.truth[side] + overall) / (weight[side].sum() + 1))
            for side in (~memorized, memorized)
        )
        return Rates(column, no, yes)
