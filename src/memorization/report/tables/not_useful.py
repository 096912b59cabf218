"""Which families of features could not be shown to be of use, and why: the negative results."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from memorization.association.correlation import SAME
from memorization.association.univariate import CHANCE
from memorization.report.names import family_name, feature_name, listed
from memorization.report.numbers import MISSING, count, decimal, estimate, gain
from memorization.report.results import Results
from memorization.report.tables.pipe import pipe_table

# What is added, in average precision, is next to nothing where the interval lies below this.
LITTLE = 0.01
# A feature seldom differs where less of the population than this holds another value than the most
# common one, and is near chance where its AUROC is no further than this from one half.
SELDOM, NEAR_CHANCE = 0.1, 0.05

FARES = {
    "agrees": "as expected",
    "contradicts": "against expectation",
    "open": "with no expectation",
    "undecided": "not told from chance",
    "constant": "constant",
}


def write(results: Results) -> str:
    """Return the families that are not useful, with what was found of each in a sentence or two."""
    table, families = results.association, results.metrics["association"]["families"]
    rows = [
        [
            family_name(family),
            str(families[family]["verdict"]),
            finding(family, families[family], table),
        ]
        for family in dict.fromkeys(table["family"])
        if families[family]["verdict"] != "useful"
    ]
    return pipe_table(
        ["family", "verdict", "what was found"], rows or [[MISSING] * 3], "<16 <13 <90"
    )


def finding(family: str, score: Mapping[str, Any], table: pd.DataFrame) -> str:
    """Return what was found of a family: its reach, hypotheses, replacement, use, and a reason.

    Parameters
    ----------
    family : its name.
    score : of the association metrics.
    table : as `memorization.tables.ASSOCIATION`.
    """
    own = table[table["family"] == family]
    gains = [added(score.get("average_precision_added"), "all others")]
    if "average_precision_added_to_duplication" in score:
        gains.append(added(score["average_precision_added_to_duplication"], "duplication alone"))
    parts = [
        f"Alone it reaches an average precision of {estimate(score['average_precision'], 2)}",
        f"of its features {fares(own['agreement'])}",
        replacement(score),
        f"it {', and '.join(gains)}",
    ]
    return "; ".join(part for part in parts if part) + "." + seldom(own)


def fares(agreement: pd.Series) -> str:
    """Return how many features fare how against what was expected of them.

    >>> fares(pd.Series(["contradicts", "contradicts", "undecided"]))
    '0 go as expected, 2 against expectation and 1 is not told from chance'
    """
    counts = {key: int((agreement == key).sum()) for key in FARES}
    go = "goes" if counts["agrees"] == 1 else "go"
    told = [f"{counts['agrees']} {go} as expected", f"{counts['contradicts']} against expectation"]
    if counts["open"]:
        told.append(f"{counts['open']} with no expectation")
    verb = {key: "is" if counts[key] == 1 else "are" for key in counts}
    told += [
        f"{counts[key]} {verb[key]} {FARES[key]}"
        for key in ("undecided", "constant")
        if counts[key]
    ]
    return listed(told)


def replacement(score: Mapping[str, Any]) -> str:
    """Return which feature of another family says the same as a family's best, if one does.

    >>> score = {"best": "template.number_count", "nearest": "surface.url_count"}
    >>> replacement(score | {"nearest_spearman": -0.95})
    'surface: url count can replace its best, number count (ρ = −0.95)'
    >>> replacement(score | {"nearest_spearman": 0.5})
    'nothing replaces its best, number count (nearest: surface: url count, ρ = 0.50)'
    """
    if score["nearest"] is None:
        return ""
    best, nearest = feature_name(score["best"]), family_name(score["nearest"])
    rho = decimal(score["nearest_spearman"], 2)
    rho = f"ρ {rho}" if rho.startswith(">") else f"ρ = {rho}"
    if abs(score["nearest_spearman"]) > SAME:
        return f"{nearest} can replace its best, {best} ({rho})"
    return f"nothing replaces its best, {best} (nearest: {nearest}, {rho})"


def added(found: Mapping[str, float | None] | None, to: str) -> str:
    """Return what a family adds to others in words, with the interval.

    That it "does not add" is said only where the interval leaves it no more than `LITTLE`.

    >>> added({"value": 0.02, "low": -0.01, "high": 0.05}, "all others")
    'could not be shown to add to all others, 0.020 (−0.010,\\xa00.050)'
    >>> added({"value": 0.0, "low": -0.003, "high": 0.001}, "all others")
    'does not add to all others, 0.000 (−0.003,\\xa00.001)'
    """
    if found is None:
        return "has nothing else to be added to"
    low, high = found["low"], found["high"]
    if low is None or high is None:
        words = f"cannot be compared with {to}"
    elif low > 0:
        words = f"adds to {to}"
    elif high < 0:
        words = f"lowers the average precision of {to}"
    elif high < LITTLE:
        words = f"does not add to {to}"
    else:
        words = f"could not be shown to add to {to}"
    return f"{words}, {gain(found)}"


def seldom(own: pd.DataFrame) -> str:
    """Return why a family tells little, where most of its features hardly ever differ.

    It does where at least half of the features have one value for nearly all sequences and AUROCs
    near one half; '' where this is not so.

    Parameters
    ----------
    own : the family's rows of `memorization.tables.ASSOCIATION`.
    """
    rare = own[own["uncommon"] < SELDOM]
    distance = (rare["auroc"] - CHANCE).abs()
    if 2 * len(rare) < len(own) or not len(rare) or not distance.max() <= NEAR_CHANCE:
        return ""
    most = rare.sort_values("n_uncommon", ascending=False, kind="stable").to_dict("records")[0]
    low, high = (decimal(value, 2) for value in (rare["auroc"].min(), rare["auroc"].max()))
    return (
        f" For {len(rare)} of its {len(own)} features, more than {100 * (1 - SELDOM):.0f}% of the "
        f"training sequences have the same value, and their AUROCs are {low} to {high}: the one "
        f"that differs most often, {feature_name(most['feature'])}, does so in "
        f"{count(most['n_uncommon'])} sampled sequences, {count(most['n_uncommon_cases'])} of them "
        "memorized."
    )
