"""Which features go with memorization, and which families of them say nothing new."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from memorization.association.correlation import SAME
from memorization.association.univariate import CHANCE
from memorization.protocol import TIERS
from memorization.report.names import family_name, listed
from memorization.report.numbers import count, decimal, estimate
from memorization.report.results import Results
from memorization.report.tables.correlation import same_pairs
from memorization.report.tables.not_useful import LITTLE
from memorization.report.variables.words import Topic

VERDICTS = ("useful", "harmful", "redundant", "no signal", "undetermined")


def association(results: Results) -> Topic:
    """Return how features fare against what was expected of them, and the verdicts by family."""
    found = results.metrics["association"]
    agreement, families = found["agreement"], found["families"]
    table = results.association
    auroc = table["auroc"].to_numpy()
    best = int(np.nanargmax(np.abs(auroc - CHANCE)))
    named: Topic = {}
    # In the order of the features, which the metrics do not keep.
    families = {name: families[name] for name in dict.fromkeys(table["family"])}
    tiers = {tier: found["tiers"][tier] for tier in TIERS if tier in found["tiers"]}
    for verdict in VERDICTS:
        own = [family_name(name) for name, score in families.items() if score["verdict"] == verdict]
        named[verdict.replace(" ", "_")] = listed(own) if own else "none"
    n_families = len(families)
    return named | {
        "n": count(found["n"]),
        "cases": count(found["cases"]),
        "population": count(found["population"]),
        "features": count(len(table)),
        "families": count(n_families),
        "pairs": count(n_families * (n_families - 1) // 2),
        "told": count(agreement["told_apart"]),
        "agree": count(agreement["agrees"]),
        "contradict": count(agreement["contradicts"]),
        "open": count(agreement["open"]),
        "undecided": count(agreement["undecided"]),
        "undecided_open": count(agreement["undecided_open"]),
        "constant": count(agreement["constant"]),
        "contradicted": contradicted(table),
        "reversed": furthest_reversed(table),
        "best": family_name(str(table["feature"].iloc[best])),
        "best_auroc": decimal(float(auroc[best]), 2),
        "duplication": duplication(families),
        "whole": whole(tiers),
        "whole_versus_duplication": whole_versus_duplication(tiers),
        "beyond_duplication": beyond_duplication(families),
        "same": f"{SAME:g}",
        "little": f"{LITTLE:g}",
        "same_pairs": count(len(same_pairs(results.correlation))),
        "kinds": kinds(found["kinds"], found["cases"]),
    }


def kinds(found: Mapping[str, Any], cases: int) -> str:
    """Return which kind most of the memorized are of, in counts of the sample.

    >>> kinds({"recitation": {"cases": 5, "n": 9}, "recollection": {"cases": 0, "n": 7}}, cases=5)
    'Of the 5 memorized sequences sampled, all are recitation, as are 4 that are not memorized'
    >>> kinds({}, cases=5)
    'The kinds are not known, as copies or templates were not counted'
    """
    if not found:
        return "The kinds are not known, as copies or templates were not counted"
    name = max(found, key=lambda kind: found[kind]["cases"])
    own = found[name]
    share = "all" if own["cases"] == cases else count(own["cases"])
    return (
        f"Of the {count(cases)} memorized sequences sampled, {share} are {name}, as are "
        f"{count(own['n'] - own['cases'])} that are not memorized"
    )


def contradicted(table: pd.DataFrame) -> str:
    """Return which families go against expectation more often than with it, and by how much.

    Parameters
    ----------
    table : as `memorization.tables.ASSOCIATION`.
    """
    told = []
    for family, own in table.groupby("family", sort=False):
        against, as_expected = (
            int((own["agreement"] == name).sum()) for name in ("contradicts", "agrees")
        )
        if against > as_expected:
            told.append((against, f"{family_name(str(family))} ({against} against, {as_expected})"))
    if not told:
        return "In no family more features go against expectation than with it"
    # Those with the most first; of like ones, in the order of the features.
    names = [text for _, text in sorted(told, key=lambda pair: -pair[0])]
    names[0] = names[0].replace(")", " with it)")
    return f"More features go against expectation than with it in {listed(names)}"


def furthest_reversed(table: pd.DataFrame) -> str:
    """Return which feature goes furthest against expectation, with its AUROC."""
    own = table[table["agreement"] == "contradicts"]
    if own.empty:
        return "No single feature goes against expectation"
    worst = own.iloc[int((own["auroc"] - CHANCE).abs().to_numpy().argmax())]
    return (
        f"The feature furthest against expectation is {family_name(str(worst['feature']))}, with "
        f"an AUROC of {decimal(float(worst['auroc']), 2)}"
    )


def duplication(families: Mapping[str, Any]) -> str:
    """Return the average precision of the family duplication; that it is missing, where it is."""
    if "duplication" not in families:
        return "not known, as copies were not counted"
    return estimate(families["duplication"]["average_precision"], 2)


def whole(tiers: Mapping[str, Any]) -> str:
    """Return the average precision of all features, tier by tier."""
    return listed(
        [
            f"{estimate(score['average_precision'], 2)} at the tier {tier}"
            for tier, score in tiers.items()
        ]
    )


def whole_versus_duplication(tiers: Mapping[str, Any]) -> str:
    """Return at which tiers all features together do better, or worse, than duplication alone.

    >>> worse = {"average_precision_added_to_duplication": {"low": -0.2, "high": -0.1}}
    >>> whole_versus_duplication({"corpus": worse, "text": {}})
    'all of a tier exceed it at no tier, and fall short of it at the tier corpus'
    """
    key = "average_precision_added_to_duplication"
    found = {tier: score[key] for tier, score in tiers.items() if key in score}
    if not found:
        return "nothing is added to it"
    above = [tier for tier, gain in found.items() if (gain["low"] or 0) > 0]
    below = [tier for tier, gain in found.items() if (gain["high"] or 0) < 0]
    return f"all of a tier exceed it at {_tiers(above)}, and fall short of it at {_tiers(below)}"


def _tiers(names: list[str]) -> str:
    return f"the tier{'s' if len(names) > 1 else ''} {listed(names)}" if names else "no tier"


def beyond_duplication(families: Mapping[str, Any]) -> str:
    """Return which families add to duplication, and with which it does worse than alone.

    >>> gain = {"value": 0.0, "low": -0.02, "high": 0.03}
    >>> beyond_duplication({"surface": {"average_precision_added_to_duplication": gain}})
    'No family could be shown to add to duplication (at most 0.030, at the end of an interval)'
    """
    key = "average_precision_added_to_duplication"
    found = {
        family_name(name): score[key]
        for name, score in families.items()
        if key in score and score[key]["low"] is not None
    }
    if not found:
        return "No family could be compared with duplication"
    adds = [name for name, gain in found.items() if gain["low"] > 0]
    takes = [name for name, gain in found.items() if gain["high"] < 0]
    if adds:
        said = f"To duplication {'adds' if len(adds) == 1 else 'add'} {listed(adds)}"
    else:
        most = max(gain["high"] for gain in found.values())
        said = (
            "No family could be shown to add to duplication "
            f"(at most {decimal(most)}, at the end of an interval)"
        )
    return f"{said}; with {listed(takes)} it does worse than alone" if takes else said
