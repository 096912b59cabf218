"""What a smaller model's memory, and the target's own earlier one, tell of the target's."""

from __future__ import annotations

from memorization.report.names import listed
from memorization.report.numbers import MISSING, decimal, percent
from memorization.report.results import Results
from memorization.report.variables.words import Topic


def siblings(results: Results) -> Topic:
    """Return precision and recall of the next smaller model and of the smallest; exact counts."""
    found = results.metrics["siblings"]
    target, pairs = results.params.target, found["pairs"].get(results.params.target, {})
    ranked = sorted(pairs, key=found["compute"].__getitem__)
    numbers: Topic = {}
    for name, model in (("cheapest", ranked[:1]), ("next", ranked[-1:])):
        numbers |= dict.fromkeys((name, *(f"{name}_{m}" for m in _METRICS)), MISSING)
        for predictor in model:
            numbers[name] = predictor
            share = found["compute"][predictor] / found["compute"][target]
            numbers[f"{name}_compute"] = percent(share)
            for metric in ("precision", "recall"):
                numbers[f"{name}_{metric}"] = decimal(pairs[predictor][metric], 2)
    return numbers | {
        "answer": _answer(numbers, len(ranked)),
        "undefined": _undefined([m for m in ranked if pairs[m]["precision"] is None]),
    }


def _undefined(silent: list[str]) -> str:
    """Return which models have no precision, as the end of a caption."""
    if not silent:
        return ""
    verb = "memorizes" if len(silent) == 1 else "memorize"
    return f"; {listed(silent)} {verb} nothing, so precision is undefined there"


_METRICS = ("compute", "precision", "recall")


def _answer(numbers: Topic, n_smaller: int) -> str:
    if not n_smaller:
        return "The target is the smallest model of the suite, so there is none to tell"
    nearest = (
        f"Taking for memorized what {numbers['next']} has memorized, the next smaller model, whose "
        f"training took {numbers['next_compute']} of the compute, has a precision of "
        f"{numbers['next_precision']} and a recall of {numbers['next_recall']}"
    )
    if n_smaller == 1:
        return nearest
    smallest = f"{nearest}. The smallest, {numbers['cheapest']}, took {numbers['cheapest_compute']}"
    if numbers["cheapest_precision"] == MISSING:
        return (
            f"{smallest} of the compute and memorizes nothing, so that its recall is zero and its "
            "precision undefined"
        )
    return (
        f"{smallest} of the compute; its precision is {numbers['cheapest_precision']} and its "
        f"recall {numbers['cheapest_recall']}"
    )
