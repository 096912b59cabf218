"""What each family of features knows by itself, and what it adds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from memorization.protocol import TIERS
from memorization.report.names import family_name
from memorization.report.numbers import decimal, estimate
from memorization.report.results import Results
from memorization.report.tables.pipe import pipe_table


def write(results: Results) -> str:
    """Return the families by tier, with their best feature, scores and verdict.

    What turned out useless stays, with the reason that the numbers give.
    """
    families = results.metrics["association"]["families"]
    order = dict.fromkeys(results.association["family"])
    rows = []
    for tier in TIERS:
        own = [family for family in order if families[family]["tier"] == tier]
        for place, family in enumerate(own):
            score = families[family]
            best = score["best"].partition(".")[2]
            rows.append(
                [
                    tier if place == 0 else "",
                    family_name(family),
                    f"{family_name(best)}: {decimal(score['best_auroc']['value'], 2)}",
                    estimate(score["auroc"], 2),
                    estimate(score["average_precision"], 2),
                    estimate(score.get("average_precision_added"), 3),
                    reason(score),
                ]
            )
    header = ["tier", "family", "best feature: AUROC", "AUROC", "average precision", "added"]
    header.append("verdict")
    return pipe_table(header, rows, "<11 <15 <20 >16 >16 >18 <24")


def reason(score: Mapping[str, Any]) -> str:
    """Return a family's verdict with its reason in words.

    >>> score = {"verdict": "no signal", "told_apart": 1, "features": 3}
    >>> reason(score)
    'no signal; of 3 features 1 is told from chance'
    >>> score |= {"verdict": "redundant", "nearest": "domain.code", "nearest_spearman": -0.5}
    >>> reason(score)
    'redundant; its best goes with domain: code (−0.50)'
    """
    verdict = str(score["verdict"])
    if verdict == "no signal":
        told, n = score["told_apart"], score["features"]
        verb = "is" if told == 1 else "are"
        return f"{verdict}; of {n} features {told or 'none'} {verb} told from chance"
    if verdict == "redundant" and score["nearest"] is not None:
        correlation = decimal(score["nearest_spearman"], 2)
        return f"{verdict}; its best goes with {family_name(score['nearest'])} ({correlation})"
    return verdict
