"""What each family of features knows by itself, and what it adds to all others."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from memorization.association.univariate import CHANCE
from memorization.evaluation.bootstrap import Bootstrap, Estimate, Replicated
from memorization.evaluation.crossfit import Candidate, cross_fit, thin
from memorization.features import feature_of, features_of_tier
from memorization.parallel import side_by_side
from memorization.protocol import TIERS
from memorization.randomness import generator
from memorization.study import Study
from memorization.whether.models.logistic import Logistic
from memorization.whether.scores import rankings

# The family that counts copies of the sequence, to which the others are compared.
DUPLICATION = "duplication"

# Rows that models are fitted to at most, the memorized first; all are ranked. There are dozens of
# models, which are compared with one another and used for nothing else.
LARGEST = 10_000


def families_of(columns: Sequence[str]) -> dict[str, list[str]]:
    """Return family -> its columns, in their order.

    >>> families_of(["position.step", "domain.law", "position.end_of_text"])
    {'position': ['position.step', 'position.end_of_text'], 'domain': ['domain.law']}
    """
    found: dict[str, list[str]] = {}
    for column in columns:
        found.setdefault(column.partition(".")[0], []).append(column)
    return found


def highest_tier(columns: Sequence[str]) -> str:
    """Return the highest tier of some features.

    >>> highest_tier(["position.end_of_text", "position.step"])
    'corpus'
    """
    return max((feature_of(column).tier for column in columns), key=TIERS.index)


@dataclass(frozen=True)
class Comparison:
    """The sets of columns whose models say what a family is worth; one that has no use is empty.

    Attributes
    ----------
    tier : the highest of the family's features.
    alone : the family's columns.
    every : all columns of the tier and those below.
    others : these without the family's.
    duplication : the columns of the family of that name; none for this family itself.
    beyond : these and the family's.
    """

    tier: str
    alone: tuple[str, ...]
    every: tuple[str, ...]
    others: tuple[str, ...]
    duplication: tuple[str, ...]
    beyond: tuple[str, ...]

    @property
    def sets(self) -> tuple[tuple[str, ...], ...]:
        """All that are not empty."""
        found = (self.alone, self.every, self.others, self.duplication, self.beyond)
        return tuple(columns for columns in found if columns)


def comparisons(columns: Sequence[str]) -> dict[str, Comparison]:
    """Return family -> the sets of columns that are compared, each in the order of the columns."""
    families = families_of(columns)
    found = {}
    for family, own in families.items():
        tier = highest_tier(own)
        every = features_of_tier(columns, tier)
        base = [] if family == DUPLICATION else families.get(DUPLICATION, [])
        found[family] = Comparison(
            tier=tier,
            alone=tuple(own),
            every=tuple(every),
            others=tuple(column for column in every if column not in own),
            duplication=tuple(base),
            beyond=tuple(column for column in columns if base and column in {*base, *own}),
        )
    return found


@dataclass(frozen=True)
class FamilyScores:
    """What `family_scores` finds; every estimate is ``{value, low, high}``.

    Attributes
    ----------
    families : family -> ``tier``, ``features`` (their number), ``auroc``, ``average_precision``,
        and what the family adds, ``auroc_added`` and ``average_precision_added`` to all others
        (absent where there are none), ``auroc_added_to_duplication`` and
        ``average_precision_added_to_duplication`` to that family (absent for itself, and where
        duplicates were not counted).
    tiers : tier -> ``features``, ``auroc`` and ``average_precision`` of all features of the tier
        and those below, and what all but duplication add to it, ``auroc_added_to_duplication`` and
        ``average_precision_added_to_duplication`` (absent where the tier does not hold both).
        Tiers that are the highest of no family are left out.
    """

    families: dict[str, dict[str, Any]]
    tiers: dict[str, dict[str, Any]]


def family_scores(
    study: Study,
    bootstrap: Bootstrap,
    advance: Callable[[int], object] = lambda done: None,
    processes: int = 1,
) -> FamilyScores:
    """Return how well each family ranks by itself, and what it adds, to two things.

    Logistic regression, out of fold, throughout. "All others" are the features of the family's
    highest tier and those below; what the family adds to them is what is lost when they are fitted
    without it. What it adds to duplication says whether it tells more than counting copies does.

    Parameters
    ----------
    advance : told ``1`` after each model; there are `n_models`.
    processes : to use at most; the result does not depend on it.
    """
    names = [str(name) for name in study.features]
    # Each set of columns once, though several comparisons need it.
    sets_of_columns = column_sets(names)
    ranked = side_by_side(
        _ranked, sets_of_columns, study, bootstrap, processes=processes, advance=advance
    )
    scored = dict(zip(sets_of_columns, ranked, strict=True))

    def estimate(metric: str, columns: tuple[str, ...], less: tuple[str, ...] = ()) -> Estimate:
        own = scored[columns][metric]
        return (own - scored[less][metric] if less else own).estimate(bootstrap.level)

    families: dict[str, dict[str, Any]] = {}
    tiers: dict[str, dict[str, Any]] = {}
    duplication = tuple(families_of(names).get(DUPLICATION, ()))
    for family, sets in comparisons(names).items():
        found: dict[str, Any] = {"tier": sets.tier, "features": len(sets.alone)}
        whole: dict[str, Any] = {"features": len(sets.every)}
        for metric in next(iter(scored.values())):
            found[metric] = estimate(metric, sets.alone)
            if sets.others:
                found[f"{metric}_added"] = estimate(metric, sets.every, sets.others)
            if sets.duplication:
                found[f"{metric}_added_to_duplication"] = estimate(
                    metric, sets.beyond, sets.duplication
                )
            whole[metric] = estimate(metric, sets.every)
            if duplication and set(duplication) < set(sets.every):
                whole[f"{metric}_added_to_duplication"] = estimate(metric, sets.every, duplication)
        families[family] = found
        tiers[sets.tier] = whole
    return FamilyScores(families, {tier: tiers[tier] for tier in TIERS if tier in tiers})


def _ranked(columns: tuple[str, ...], study: Study, bootstrap: Bootstrap) -> dict[str, Replicated]:
    """Return the ranking metrics of a logistic regression on some columns."""
    candidate = Candidate("", "logistic", Logistic, columns, "association")
    rows = thin(study, LARGEST, generator(study.seed, "association/rows"))
    return rankings(study, cross_fit(candidate, study, rows).prediction, bootstrap)


def column_sets(columns: Sequence[str]) -> list[tuple[str, ...]]:
    """Return the sets of columns that `family_scores` fits a model to, each once."""
    found = [own for comparison in comparisons(columns).values() for own in comparison.sets]
    return list(dict.fromkeys(found))


def n_models(columns: Sequence[str]) -> int:
    """Return how many models `family_scores` fits.

    Here each family alone, all of the two tiers, and both without domain: without position they
    are what domain is alone.

    >>> n_models(["position.end_of_text", "position.step", "domain.law"])
    3
    """
    return len(column_sets(columns))


def verdict(score: Mapping[str, Any]) -> str:
    """Return what a family's numbers say of its use.

    'no signal': the interval of its own AUROC holds one half, or lies below. Else by the average
    precision that it adds to all others of its tier: 'useful' where the interval lies above zero,
    'harmful' where it lies below, 'redundant' where it holds zero; 'undetermined' where an interval
    is undefined. A family without others needs add nothing.

    >>> score = {"auroc": {"low": 0.6}, "average_precision_added": {"low": 0.01, "high": 0.02}}
    >>> verdict(score), verdict(score | {"average_precision_added": {"low": -0.01, "high": 0.02}})
    ('useful', 'redundant')
    >>> verdict(score | {"average_precision_added": {"low": -0.02, "high": -0.01}})
    'harmful'
    >>> verdict(score | {"auroc": {"low": 0.49}}), verdict({"auroc": {"low": float("nan")}})
    ('no signal', 'undetermined')
    """
    low = score["auroc"]["low"]
    added = score.get("average_precision_added", {"low": np.inf, "high": np.inf})
    if np.isnan([low, added["low"], added["high"]]).any():
        return "undetermined"
    if low <= CHANCE:
        return "no signal"
    if added["low"] > 0:
        return "useful"
    return "harmful" if added["high"] < 0 else "redundant"
