"""How well it is predicted when a sequence is memorized, or why that is not answered."""

from __future__ import annotations

from typing import Any

import numpy as np

from memorization.report.calibration_groups import grouped
from memorization.report.names import listed, model_name
from memorization.report.numbers import MISSING, count, estimate, percent, span
from memorization.report.results import Results
from memorization.report.variables.labels import describe_cost
from memorization.report.variables.words import Estimate, Topic, off_groups, over, score, versus
from memorization.study.strata import CONTINUATIONS, DUPLICATES
from memorization.when.models import MODELS

MEMORIZED = "concordance_memorized"

EVENTS = {"first": "first memorized", "stable": "memorized for good"}

# What the question's scores are called, where it was asked.
NUMBERS = (
    *("n_events", "n_left_censored", "fraction", "early", "median", "late", "tier", "best"),
    *("concordance", "concordance_memorized", "brier_skill", "absolute_error"),
    *("absolute_error_percent", "nothing_absolute_error", "strata_concordance"),
    *("strata_concordance_memorized", "strata_brier_skill", "over_strata"),
)

# What a stratum of the Kaplan-Meier estimate is formed of, by feature.
COUNTED = {
    CONTINUATIONS: "how often the continuation occurs",
    DUPLICATES: "how often the sequence occurs",
    None: "how often the sequence occurs, which was not counted",
}


def when(results: Results) -> Topic:
    """Return the scores of the best model and of the baselines, and the answer in sentences."""
    found = results.metrics["when"]
    common = {
        "models": listed([model_name(name) for name in results.params.when.models]),
        "event": EVENTS[results.params.when.event],
        "thinned": _thinned(results),
        "calibration": _calibration(results) if found["done"] else "it is not answered",
        "counted": COUNTED[found.get("strata")],
    }
    if not found["done"]:
        return common | dict.fromkeys(NUMBERS, MISSING) | _not_done(found)
    numbers = _numbers(results)
    return common | numbers | _answer(results, numbers, common["event"])


def _not_done(found: dict[str, Any]) -> Topic:
    cost = f"A scan of the checkpoints would take {describe_cost(found['cost'])}"
    return {
        "done": "no",
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
    over_strata = results.gain_over("when", best, "kaplan_meier_strata", MEMORIZED)
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
        "over_strata": estimate(over_strata, 2),
        "versus_strata": versus(over_strata),
        "versus_chance": versus(_minus_half(found[tier][best[1]][MEMORIZED])),
    }


def _answer(results: Results, numbers: Topic, event: str) -> Topic:
    labels = results.metrics["labels"]["of_the_memorized"]
    first, stable = (labels[f"{name}_step_quantiles"]["50%"] for name in ("first", "stable"))
    last = results.suite.steps[-1]
    switches = count(labels["median_switches"])
    n, counted = numbers, COUNTED[results.metrics["when"]["strata"]]
    return {
        "done": "yes",
        "abstract": "The order in which sequences are memorized is told with a concordance of "
        f"{n['concordance_memorized']}, which {n['versus_strata']} the "
        f"{n['strata_concordance_memorized']} of knowing only {counted}; {_from_text(results)}",
        "happened": f"In the population, {n['fraction']} of the sequences have the event *{event}* "
        f"within training, a tenth of them by step {n['early']}, half by {n['median']}, nine "
        f"tenths by {n['late']}. Of the sequences memorized at the end, half had been memorized "
        f"for the first time by step {count(first)} ({percent(over(first, last))} of training) and "
        f"for good by {count(stable)} ({percent(over(stable, last))}); the median one changed "
        f"state {switches} times between evaluations",
        "answer": f"At the highest tier ({n['tier']}) the model of the highest concordance among "
        f"the memorized is {n['best']}, with {n['concordance_memorized']}, which "
        f"{n['versus_chance']} one half, that is, chance. Knowing only "
        f"{counted} gives {n['strata_concordance_memorized']}, "
        f"which it {n['versus_strata']} (difference {n['over_strata']}). Over all sequences the "
        f"two have {n['concordance']} and {n['strata_concordance']}, and a skill of "
        f"{n['brier_skill']} and {n['strata_brier_skill']}. Given that a sequence is memorized, "
        f"the median time is off by {n['absolute_error']} steps on average "
        f"({n['absolute_error_percent']} of training); knowing nothing, by "
        f"{n['nothing_absolute_error']}. {_capital(_from_text(results))}. {_steps(results)}",
    }


def _from_text(results: Results) -> str:
    """Return which models rank the memorized by time from the text alone, as a clause."""
    scores, fitted = results.metrics["when"].get("text", {}), []
    if "text" in results.tiers("when"):
        fitted = results.fitted("when", "text")
    if not fitted:
        return "from the text alone nothing was fitted"
    found = {model: scores[model][MEMORIZED] for model in fitted}
    told = [model_name(m) for m, s in found.items() if s["low"] is not None and s["low"] > 0.5]
    values = span([s["value"] for s in found.values() if s["value"] is not None] or [0.5])
    if not told:
        return f"from the text alone no model is shown to tell it better than chance ({values})"
    return (
        f"from the text alone {listed(told)} tell it better than chance ({values} over all models)"
    )


def _steps(results: Results) -> str:
    """Return what the best model of the highest tier gains by each step, in a sentence."""
    best = results.best("when", results.top_tier("when"))
    steps = results.gain_by_tier("when", best, MEMORIZED)
    if not steps:
        return "There is one tier alone, so none to compare it with"
    gained = [f"{estimate(gain, 2)} with the tier *{tier}*" for tier, gain in steps.items()]
    silent = [tier for tier, gain in steps.items() if not (gain["low"] or 0) > 0]
    said = f"From one tier to the next its concordance among the memorized gains {listed(gained)}"
    if not silent:
        return f"{said}; every step is shown to help"
    return f"{said}; that {listed(silent)} {'helps' if len(silent) == 1 else 'help'} is not shown"


def _calibration(results: Results) -> str:
    """Return how well the best model's fractions by the end are calibrated, in a sentence."""
    tier = results.top_tier("when")
    best = results.best("when", tier)
    ratio = results.metrics["when"][tier][best].get("observed_to_expected_at_100")
    said = (
        f"with {model_name(best)}, {estimate(ratio, 2)} sequences have the event per expected one"
    )
    predicted = 1 - results.survival(tier, best)[:, -1].astype(np.float64)
    off = off_groups(grouped(results, predicted, results.targets.event))
    return f"{said}; of its groups, {listed(off)}" if off else said


def _thinned(results: Results) -> str:
    """Return to how many rows models were fitted, where these are fewer than there are."""
    limits = [
        f"{model_name(name)} to {count(MODELS[name].largest)}"
        for name in results.params.when.models
        if len(results.sample) > (MODELS[name].largest or len(results.sample))
    ]
    if not limits:
        return ""
    return (
        f" To at most so many rows are fitted: {listed(limits)}; those with the event first, up to "
        "half of them, the others drawn at random, each kind keeping its weight."
    )


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _minus_half(found: Estimate) -> dict[str, float | None]:
    return {key: None if value is None else value - 0.5 for key, value in found.items()}
