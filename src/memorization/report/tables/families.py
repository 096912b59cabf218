"""What families of features tell, alone and beside others, and what of that is nothing new."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from memorization.association.correlation import SAME
from memorization.association.univariate import CHANCE
from memorization.protocol import TIERS
from memorization.report.results import Results
from memorization.report.tables.pipe import pipe_table
from memorization.report.wording import (
    MISSING,
    Estimate,
    count,
    decimal,
    estimate,
    family_name,
    feature_name,
    listed,
)

# What is added, in average precision, is next to nothing where the interval lies below this.
LITTLE = 0.01
# A feature seldom differs where less of the population than this holds another value than the most
# common one, and is near chance where its AUROC is no further than this from one half.
SELDOM, NEAR_CHANCE = 0.1, 0.05


def univariate(results: Results) -> str:
    """Return the families by tier, with their best feature, scores and verdict.

    What turned out useless stays. At the end of each tier are all features that it may use, which
    is what the families are added to.
    """
    found = results.metrics["association"]
    rows = []
    for tier in (tier for tier in TIERS if tier in found["tiers"]):
        for family in dict.fromkeys(results.association["family"]):
            score = found["families"][family]
            if score["tier"] == tier:
                best = f"{feature_name(score['best'])}: {decimal(score['best_auroc']['value'], 2)}"
                added = estimate(score.get("average_precision_added"))
                cells = _reached(score)
                rows.append([tier, family_name(family), best, *cells, added, score["verdict"]])
        whole = found["tiers"][tier]
        rows.append([tier, f"*all {whole['features']} features*", "", *_reached(whole), "", ""])
    columns = {"tier": "<9", "family": "<15", "best feature: AUROC": "<17", "AUROC": ">13"}
    columns |= {"average precision": ">12", "added to duplication": ">18"}
    columns |= {"added to all others": ">18", "verdict": "<10"}
    return pipe_table(columns, rows, once=True)


def _reached(score: Mapping[str, Any]) -> list[str]:
    added = estimate(score.get("average_precision_added_to_duplication"))
    return [estimate(score["auroc"], 2), estimate(score["average_precision"], 2), added]


def not_useful(results: Results) -> str:
    """Return the families that are not useful, with what was found of each in a sentence or two.

    Of each its reach, how its features fare against their hypotheses, what could replace it, its
    use, and a reason where there is a simple one.
    """
    rows = []
    for family, own in results.association.groupby("family", sort=False):
        score = results.metrics["association"]["families"][family]
        if score["verdict"] == "useful":
            continue
        gains = [added(score.get("average_precision_added"), "all others")]
        beyond = score.get("average_precision_added_to_duplication")
        gains += [added(beyond, "duplication alone")] if beyond else []
        parts = [
            f"Alone it reaches an average precision of {estimate(score['average_precision'], 2)}",
            f"of its features {fares(own['agreement'])}",
            replacement(score),
            f"it {', and '.join(gains)}",
        ]
        said = "; ".join(part for part in parts if part) + "." + seldom(own)
        rows.append([family_name(str(family)), score["verdict"], said])
    columns = {"family": "<16", "verdict": "<13", "what was found": "<90"}
    return pipe_table(columns, rows or [[MISSING] * 3])


def fares(agreement: pd.Series) -> str:
    """Return how many features fare how against what was expected of them.

    >>> fares(pd.Series(["contradicts", "contradicts", "undecided"]))
    '0 go as expected, 2 against expectation and 1 is not told from chance'
    """
    keys = ("agrees", "contradicts", "open", "undecided", "constant")
    agrees, contradicts, open_, undecided, constant = (int((agreement == k).sum()) for k in keys)
    go = "goes" if agrees == 1 else "go"
    told = [f"{agrees} {go} as expected", f"{contradicts} against expectation"]
    told += [f"{open_} with no expectation"] if open_ else []
    for number, word in ((undecided, "not told from chance"), (constant, "constant")):
        told += [f"{number} {'is' if number == 1 else 'are'} {word}"] if number else []
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


def added(found: Estimate | None, to: str) -> str:
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
        words = "cannot be compared with"
    elif low > 0:
        words = "adds to"
    elif high < 0:
        words = "lowers the average precision of"
    else:
        words = "does not add to" if high < LITTLE else "could not be shown to add to"
    return f"{words} {to}, {estimate(found)}"


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


def correlation(results: Results) -> str:
    """Return the pairs of families with features that say the same, most alike first."""
    rows = [
        [
            family_name(row["family"]),
            feature_name(row["feature"]),
            family_name(row["other_family"]),
            feature_name(row["other"]),
            decimal(row["spearman"], 2),
            count(row["pairs"]),
        ]
        for row in same_pairs(results.correlation).to_dict("records")
    ]
    columns = {"family": "<17", "feature": "<26", "other family": "<17", "its feature": "<26"}
    columns |= {"ρ": ">8", "pairs of features": ">10"}
    return pipe_table(columns, rows or [[MISSING] * 6])


def same_pairs(correlation: pd.DataFrame) -> pd.DataFrame:
    """Return the pairs of families that hold features correlated beyond `SAME`, one a row.

    Columns: family, feature, other_family, other, spearman (of the two features, one of each
    family, that correlate most) and pairs (how many pairs of features correlate beyond `SAME`).
    """
    table = correlation.assign(
        family=correlation["feature"].str.partition(".")[0],
        other_family=correlation["other"].str.partition(".")[0],
        size=correlation["spearman"].abs(),
    )
    table = table[(table["family"] != table["other_family"]) & (table["size"] > SAME)]
    table = table.sort_values("size", ascending=False, kind="stable")
    # Whichever of the two families comes first.
    both = np.sort(table[["family", "other_family"]].to_numpy(dtype=str), axis=1)
    groups = table.groupby([both[:, 0], both[:, 1]], sort=False)
    return groups.head(1).assign(pairs=groups["size"].transform("size"))


def kinds(results: Results) -> str:
    """Return the classes of the taxonomy, with intervals."""
    shares = {
        "share": "of the population",
        "memorized": "memorized of it",
        "of_memorized": "of the memorized",
    }
    rows = [
        [name, count(of["n"]), count(of["cases"]), *(estimate(of[key], 3) for key in shares)]
        for name, of in results.metrics["association"]["kinds"].items()
    ]
    columns = {"kind": "<16", "sampled": ">9", "memorized": ">11"}
    columns |= dict.fromkeys(shares.values(), ">22")
    return pipe_table(columns, rows or [[MISSING] * 6])


TABLES = {
    "univariate": univariate,
    "not_useful": not_useful,
    "correlation": correlation,
    "kinds": kinds,
}
