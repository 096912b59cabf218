"""How much is memorized of what occurs how often, and what is known beyond the count."""

from __future__ import annotations

from typing import Any

from memorization.report.names import listed, stratum_name
from memorization.report.numbers import count, estimate, percent, percent_estimate
from memorization.report.results import Results
from memorization.report.variables.words import Topic, over, score

SEQUENCE, CONTINUATION = "sequence_count", "continuation_count"


def strata(results: Results) -> Topic:
    """Return what repetition of the whole, and of the continuation, says of memorization."""
    whole, part = results.strata(SEQUENCE), results.strata(CONTINUATION)
    unknown = "How often sequences occur was not counted"
    return {
        "repetition": _repetition(results, whole)
        if "1" in whole
        else f"{unknown}, so nothing is said here of repetition",
        "continuation": _continuation(results, whole, part)
        if part
        else "How often continuations occur was not counted either",
        "beyond": _beyond(results, part)
        if part
        else f"{unknown}, so how much is known beyond repetition is not told",
        "limit": _limit(whole)
        if "1" in whole
        else f"{unknown}. A score over the whole population rewards knowing what is repeated",
    }


def _repetition(results: Results, found: dict[str, Any]) -> str:
    once, name = found["1"], list(found)[-1]
    most = found[name]
    return (
        f"Of the training sequences, {percent(_share(found, '1'))} occur once in {_where(results)} "
        f"with all of their tokens; {percent_estimate(once['prevalence'])} of these are memorized. "
        f"Of the sequences that occur {stratum_name(name, 'at least ')} times, "
        f"{percent_estimate(most['prevalence'])} are ({count(most['cases'])} of the "
        f"{count(most['n'])} in the sample)"
    )


def _continuation(results: Results, whole: dict[str, Any], part: dict[str, Any]) -> str:
    """Return what the continuation's count says that the sequence's does not."""
    said = []
    of_cases = whole.get("1", {}).get("counts_of_cases", {}).get(CONTINUATION)
    if of_cases:
        least, most = count(of_cases["least"]), count(of_cases["most"])
        times = f"{least} times" if least == most else f"{least} to {most} times"
        said.append(
            f"The {count(whole['1']['cases'])} memorized sequences of the sample that occur once "
            f"have continuations that occur {times}"
        )
    never = _never(part)
    if never:
        last = list(never)[-1]
        rows = sum(stratum["n"] for stratum in never.values())
        said.append(
            f"Of the {count(rows)} sequences of the sample whose continuation occurs "
            f"{_at_most(last)} in {_where(results)}, none is memorized; they stand for "
            f"{percent(sum(_share(part, name) for name in never))} of the training sequences"
        )
    else:
        first = next(iter(part.values()))
        said.append(
            f"Of the sequences whose continuation occurs once in {_where(results)}, "
            f"{percent_estimate(first['prevalence'])} are memorized"
        )
    counted = results.baseline("whether", CONTINUATION)
    scores = results.metrics["whether"]
    said.append(
        "How often the continuation occurs, known alone, has an AUROC of "
        f"{score(scores, counted, 'auroc')} and an average precision of "
        f"{score(scores, counted, 'average_precision')}"
    )
    return ". ".join(said)


def _never(found: dict[str, Any]) -> dict[str, Any]:
    """Return the strata of the smallest counts in which no row of the sample is memorized."""
    never = {}
    for name, stratum in found.items():
        if stratum["cases"]:
            break
        never[name] = stratum
    return never


def _at_most(stratum: str) -> str:
    """Return the greatest count of a stratum in words.

    >>> _at_most("1"), _at_most("2-4")
    ('once', 'at most 4 times')
    """
    last = stratum.rpartition("-")[2]
    return "once" if last == "1" else f"at most {last} times"


def _beyond(results: Results, part: dict[str, Any]) -> str:
    """Return in which strata of the continuation's count the best classifier exceeds the count."""
    tier = results.top_tier("whether")
    best = results.best("whether", tier)
    told: dict[str, list[str]] = {"exceeds": [], "not told": []}
    for name, stratum in part.items():
        gain = stratum.get(tier, {}).get(best, {}).get("average_precision_gain")
        if gain is None:
            continue
        wins = gain["low"] is not None and gain["low"] > 0
        told["exceeds" if wins else "not told"].append(
            f"{stratum_name(name, 'at least ')} times ({estimate(gain, 2)}; "
            f"{count(stratum['cases'])} memorized of {count(stratum['n'])})"
        )
    exceeds, others = (listed(names) if names else "" for names in told.values())
    start = (
        "What is known beyond the count shows among sequences whose continuations occur about "
        "equally often. In average precision the classifier"
    )
    if not exceeds and not others:
        return "In no stratum of the count are there memorized sequences and others to tell apart"
    if not exceeds:
        return (
            f"{start} is nowhere shown to exceed the count: where the continuation occurs {others}"
        )
    rest = f", and is not shown to where that occurs {others}" if others else ""
    return f"{start} exceeds the count where the continuation occurs {exceeds}{rest}"


def _limit(found: dict[str, Any]) -> str:
    memorized = {n: s["population"] * s["prevalence"]["value"] for n, s in found.items()}
    once = percent(over(memorized["1"], sum(memorized.values())))
    return (
        f"Sequences that occur once are {once} of what is memorized. A score over the whole "
        "population rewards counting; the strata say what is known beyond"
    )


def _share(found: dict[str, Any], name: str) -> float:
    return found[name]["population"] / sum(stratum["population"] for stratum in found.values())


def _where(results: Results) -> str:
    # A sequence that the sample does not hold counts as one all the same.
    return "the training data" if results.suite.name == "micro" else "what was counted"
