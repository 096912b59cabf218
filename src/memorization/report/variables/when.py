"""How well it is predicted when a sequence is memorized, or why that is not answered."""

from __future__ import annotations

from typing import Any

from memorization.report.names import listed, model_name
from memorization.report.numbers import MISSING, count, percent
from memorization.report.results import Results
from memorization.report.variables.labels import describe_cost
from memorization.report.variables.words import Estimate, Topic, over, score, versus
from memorization.when.models import MODELS

EVENTS = {"first": "first memorized", "stable": "memorized for good"}

# What the question's scores are called, where it was asked.
NUMBERS = (
    *("n_events", "n_left_censored", "fraction", "early", "median", "late", "tier", "best"),
    *("concordance", "concordance_memorized", "brier_skill", "absolute_error"),
    *("absolute_error_percent", "nothing_absolute_error", "strata_concordance"),
    *("strata_concordance_memorized", "strata_brier_skill"),
)


def when(results: Results) -> Topic:
    """Return the scores of the best model and of the baselines, and the answer in sentences."""
    found = results.metrics["when"]
    common = {
        "models": listed([model_name(name) for name in results.params.when.models]),
        "event": EVENTS[results.params.when.event],
        "forest_rows": count(MODELS["forest"].largest),
        "boosting_rows": count(MODELS["hazard_boosting"].largest),
    }
    if not found["done"]:
        return common | dict.fromkeys(NUMBERS, MISSING) | _not_done(found)
    numbers = _numbers(results)
    return common | numbers | _answer(results, numbers, common["event"])


def _not_done(found: dict[str, Any]) -> Topic:
    cost = f"A scan of the checkpoints would take {describe_cost(found['cost'])}"
    return {
        "done": "no",
        "versus_chance": versus(None),
        "abstract": "When a sequence is memorized is not answered for this target, for want of "
        "evaluations during training or of events in them",
        "happened": f"This question is not answered for this target: {found['reason']}. {cost}",
        "answer": "There are no scores to report",
    }


def _numbers(results: Results) -> Topic:
    found, last = results.metrics["when"], results.suite.steps[-1]
    tier = results.top_tier("when")
    best = (tier, results.best("when", tier))
    nothing = results.baseline("when", "kaplan_meier")
    strata = results.baseline("when", "kaplan_meier_strata")
    error = found[tier][best[1]]["absolute_error_steps"]["value"]
    quantiles = found["event_step_quantiles"]
    return {
        "n_events": count(found["n_events"]),
        "n_left_censored": count(found["n_left_censored"]),
        "fraction": percent(found["population_fraction"]),
        "early": count(quantiles["10%"]),
        "median": count(quantiles["50%"]),
        "late": count(quantiles["90%"]),
        "tier": tier,
        "best": model_name(best[1]),
        "concordance": score(found, best, "concordance"),
        "concordance_memorized": score(found, best, "concordance_memorized"),
        "brier_skill": score(found, best, "brier_skill"),
        "absolute_error": score(found, best, "absolute_error_steps", 0),
        "absolute_error_percent": percent(over(error, last)),
        "nothing_absolute_error": score(found, nothing, "absolute_error_steps", 0),
        "strata_concordance": score(found, strata, "concordance"),
        "strata_concordance_memorized": score(found, strata, "concordance_memorized"),
        "strata_brier_skill": score(found, strata, "brier_skill"),
        "versus_chance": versus(_minus_half(found[tier][best[1]]["concordance_memorized"])),
    }


def _answer(results: Results, numbers: Topic, event: str) -> Topic:
    labels = results.metrics["labels"]["of_the_memorized"]
    first, stable = (labels[f"{name}_step_quantiles"]["50%"] for name in ("first", "stable"))
    last = results.suite.steps[-1]
    switches = count(labels["median_switches"])
    n = numbers
    return {
        "done": "yes",
        "abstract": "The time of memorization is ranked, among the memorized, with a concordance "
        f"of {n['concordance_memorized']}",
        "happened": f"In the population, {n['fraction']} of the sequences have the event *{event}* "
        f"within training, a tenth of them by step {n['early']}, half by {n['median']}, nine "
        f"tenths by {n['late']}. Of the sequences memorized at the end, half had been memorized "
        f"for the first time by step {count(first)} ({percent(over(first, last))} of training) and "
        f"for good by {count(stable)} ({percent(over(stable, last))}); the median one changed "
        f"state {switches} times between evaluations",
        "answer": f"At the highest tier ({n['tier']}) the model of the highest concordance is "
        f"{n['best']}: {n['concordance']} over all sequences, and among the memorized "
        f"{n['concordance_memorized']}, which {n['versus_chance']} one half, that is, chance. "
        f"Knowing only the duplicate count gives {n['strata_concordance']} and "
        f"{n['strata_concordance_memorized']}. The skill is {n['brier_skill']}, against "
        f"{n['strata_brier_skill']} from the duplicate count. Given that a sequence is memorized, "
        f"the median time is off by {n['absolute_error']} steps on average "
        f"({n['absolute_error_percent']} of training); knowing nothing, by "
        f"{n['nothing_absolute_error']}",
    }


def _minus_half(found: Estimate) -> dict[str, float | None]:
    return {key: None if value is None else value - 0.5 for key, value in found.items()}
