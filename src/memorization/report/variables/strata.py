"""Of the sequences that occur once, and of those that occur most often."""

from __future__ import annotations

from memorization.report.names import stratum_name
from memorization.report.numbers import MISSING, count, estimate, percent, percent_estimate
from memorization.report.results import Results
from memorization.report.variables.words import Topic, over


def strata(results: Results) -> Topic:
    """Return how much is memorized by number of occurrences, and what is known within."""
    found = results.strata
    once, most = found.get("1"), list(found.values())[-1] if found else None
    memorized = {n: s["population"] * s["prevalence"]["value"] for n, s in found.items()}
    total = sum(stratum["population"] for stratum in found.values())
    tier = results.top_tier("whether")
    within = (once or {}).get(tier, {}).get(results.best("whether", tier), {})
    of_memorized = percent(over(memorized.get("1"), sum(memorized.values())))
    numbers = {
        "once": percent(once["population"] / total if once else None),
        "once_memorized": percent_estimate(once["prevalence"] if once else None),
        "once_cases": count(once["cases"] if once else None),
        "once_of_memorized": of_memorized,
        "once_auroc": estimate(within.get("auroc"), 2),
        "once_average_precision": estimate(within.get("average_precision"), 2),
        "most": stratum_name(list(found)[-1], "at least ") if found else MISSING,
        "most_memorized": percent_estimate(most["prevalence"] if most else None),
    }
    if once is None:
        return numbers | _not_counted()
    return numbers | {
        "repetition": f"Of the training sequences, {numbers['once']} occur once in "
        f"{_where(results)}; {numbers['once_memorized']} of these are memorized. Of the sequences "
        f"that occur {numbers['most']} times, {numbers['most_memorized']} are. The sequences that "
        f"occur once make up {of_memorized} of all that is memorized",
        "beyond": f"Among the sequences that occur once, {numbers['once_cases']} of the sample are "
        "memorized. There the duplicate count says nothing, and the same classifier has an AUROC "
        f"of {numbers['once_auroc']} and an average precision of "
        f"{numbers['once_average_precision']}",
        "limit": f"Sequences that occur once are {of_memorized} of what is memorized. A score over "
        "the whole population rewards counting repetition; the strata say what is known beyond",
    }


def _where(results: Results) -> str:
    # A sequence that the sample does not hold counts as one all the same.
    return "the training data" if results.suite.name == "micro" else "what was counted"


def _not_counted() -> Topic:
    unknown = "How often sequences occur was not counted"
    return {
        "repetition": f"{unknown}, so nothing is said here of repetition",
        "beyond": f"{unknown}, so how much is known beyond repetition is not told",
        "limit": f"{unknown}. A score over the whole population rewards knowing what is repeated",
    }
