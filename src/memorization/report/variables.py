"""Every number that the text of the paper speaks of, already written out.

Quarto reads ``paper/_variables.yml`` and puts ``{{< var labels.memorized >}}`` into the text. The
keys are the same whatever the target: what does not exist for it is a dash, so the same text holds
for all. Where the text must say in which direction something goes, the word is a variable as well,
decided by an interval here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from memorization.metrics.bootstrap import interval, replicate
from memorization.metrics.ranking import average_precision
from memorization.protocol import CONTINUATION, PROMPT, SEQUENCE
from memorization.report.names import listed, model_name
from memorization.report.numbers import (
    MISSING,
    count,
    decimal,
    estimate,
    parameters,
    percent,
    percent_estimate,
)
from memorization.report.results import Results

Topic = dict[str, str]


def variables(results: Results) -> dict[str, Topic]:
    """Return topic -> name -> text."""
    return {
        "protocol": _protocol(results),
        "suite": _suite(results),
        "labels": _labels(results),
        "strata": _strata(results),
        "split": _split(results),
        "whether": _whether(results),
        "leakage": _leakage(results),
        "importance": _importance(results),
        "when": _when(results),
    }


def to_yaml(topics: Mapping[str, Mapping[str, str]]) -> str:
    """Return the variables as YAML: sorted, every value a quoted string.

    >>> print(to_yaml({"b": {"y": "1,0", "x": "é"}}), end="")
    # Written by memorization.stages.report.
    b:
      x: "é"
      y: "1,0"
    """
    lines = ["# Written by memorization.stages.report."]
    for topic in sorted(topics):
        lines.append(f"{topic}:")
        # A JSON string is a YAML string.
        lines += [
            f"  {name}: {json.dumps(text, ensure_ascii=False)}"
            for name, text in sorted(topics[topic].items())
        ]
    return "\n".join(lines) + "\n"


def versus(difference: Mapping[str, float | None] | None) -> str:
    """Return the verb that an interval of a difference allows.

    >>> versus({"value": 0.1, "low": 0.02, "high": 0.2})
    'exceeds'
    >>> versus({"value": 0.1, "low": -0.02, "high": 0.2})
    'cannot be told apart from'
    """
    if difference is None or difference["low"] is None or difference["high"] is None:
        return "cannot be compared with"
    if difference["low"] > 0:
        return "exceeds"
    return "falls short of" if difference["high"] < 0 else "cannot be told apart from"


def _protocol(results: Results) -> Topic:
    params = results.params
    cases = params.sequences.cases
    return {
        "prompt": count(PROMPT),
        "continuation": count(CONTINUATION),
        "sequence": count(SEQUENCE),
        "forward": count(SEQUENCE - 1),
        "cases": "all" if cases == "all" else f"at most {count(cases)}",
        "cohort": count(params.sequences.cohort),
        "folds": count(params.split.folds),
        "shared_tokens": count(params.split.shared_tokens),
        "largest_cluster": percent(params.split.largest_cluster),
        "replicates": count(params.bootstrap.replicates),
        "level": f"{100 * params.bootstrap.level:g}%",
        "seed": str(params.seed),
    }


def _suite(results: Results) -> Topic:
    suite, settings = results.suite, results.params.suite
    target, memorized = results.params.target, results.metrics["labels"]["memorized_by_model"]
    population, window = suite.windows.shape
    smaller, domains = suite.smaller(target), sorted({d for d in suite.domains if d is not None})
    sizes = [memorized[model] / population for model in suite.models]
    return {
        "target": target,
        "target_parameters": parameters(suite.parameters[target]),
        "models": listed(suite.models),
        "n_models": count(len(suite.models)),
        "smallest_parameters": parameters(suite.parameters[suite.models[0]]),
        "largest_parameters": parameters(suite.parameters[suite.models[-1]]),
        "smaller": listed(smaller) if smaller else "none",
        "reference": smaller[0] if smaller else "none",
        "smallest_memorized": percent(sizes[0]),
        "largest_memorized": percent(sizes[-1]),
        "population": count(population),
        "window": count(window),
        "tokens": f"{population * window / 1e6:.1f} million",
        "domains": listed(domains),
        "n_domains": count(len(domains)),
        "vocabulary": count(settings.vocabulary),
        "steps": count(suite.steps[-1]),
        "checkpoints": count(len(suite.steps)),
        "checkpoint_interval": count(suite.steps[-1] / len(suite.steps)),
        "sequences_per_step": count(suite.sequences_per_step),
    }


def _labels(results: Results) -> Topic:
    labels = results.metrics["labels"]
    memorized, forgotten = labels["memorized"], labels["forgotten"]
    times, last = labels["of_the_memorized"], results.suite.steps[-1]
    ever = memorized["population_fraction"] + forgotten["population_fraction"]
    first, stable = (times[f"{name}_step_quantiles"]["50%"] for name in ("first", "stable"))
    return {
        "sequences": count(labels["sequences"]),
        "distinct_texts": count(labels["distinct_texts"]),
        "memorized": count(memorized["sequences"]),
        "memorized_texts": count(memorized["distinct_texts"]),
        "memorized_fraction": percent(memorized["population_fraction"]),
        "forgotten": count(forgotten["sequences"]),
        "forgotten_fraction": percent(forgotten["population_fraction"]),
        "forgotten_of_ever": percent(forgotten["population_fraction"] / ever if ever else None),
        "first_median": count(first),
        "first_median_percent": percent(_over(first, last)),
        "stable_median": count(stable),
        "stable_median_percent": percent(_over(stable, last)),
        "before_being_seen": percent(times["before_being_seen"]),
        "median_switches": decimal(times["median_switches"], 0),
    }


def _strata(results: Results) -> Topic:
    """Of the sequences that occur once, and of those that occur most often."""
    strata = results.strata
    once, most = strata.get("1"), list(strata.values())[-1] if strata else None
    memorized = {n: s["population"] * s["prevalence"]["value"] for n, s in strata.items()}
    total = sum(stratum["population"] for stratum in strata.values())
    tier = results.top_tier("whether")
    best = results.best("whether", tier)
    within = (once or {}).get(tier, {}).get(best, {})
    return {
        "once": percent(once["population"] / total if once else None),
        "once_memorized": percent_estimate(once["prevalence"] if once else None),
        "once_cases": count(once["cases"] if once else None),
        "once_of_memorized": percent(_over(memorized.get("1"), sum(memorized.values()))),
        "once_auroc": estimate(within.get("auroc"), 2),
        "once_average_precision": estimate(within.get("average_precision"), 2),
        "most": list(strata)[-1].replace("100+", "at least 100") if strata else MISSING,
        "most_memorized": percent_estimate(most["prevalence"] if most else None),
    }


def _split(results: Results) -> Topic:
    split = results.metrics["split"]
    clusters, cut = split["clusters"], split["cut"]
    return {
        "clusters": count(clusters["count"]),
        "with_cases": count(clusters["with_cases"]),
        "effective_with_cases": decimal(clusters["effective_with_cases"], 1),
        "largest": count(clusters["largest"]),
        "largest_cases": count(clusters["largest_cases"]),
        "largest_before": count(cut["largest_before"]),
        "clusters_cut": count(cut["clusters_cut"]),
        "exposed_after_cut": count(cut["exposed"]),
        "exposed_cases": percent(_over(split["fold"]["exposed_cases"], split["cases"])),
        "random_exposed_cases": percent(
            _over(split["fold_random"]["exposed_cases"], split["cases"])
        ),
    }


def _whether(results: Results) -> Topic:
    whether = results.metrics["whether"]
    tier = results.top_tier("whether")
    best = (tier, results.best("whether", tier))
    duplicates = results.baseline("whether", "duplicate_count")
    sibling = results.baseline("whether", "smaller_sibling")
    data_tier = "corpus" if results.tiers("whether").count("corpus") else tier
    data = (data_tier, results.best("whether", data_tier))
    found = {
        "prevalence": percent_estimate(whether["prevalence"]),
        "models": listed([model_name(name) for name in results.params.whether.models]),
        "tier": tier,
        "best": model_name(best[1]),
        "data_tier": data_tier,
        "data_best": model_name(data[1]),
        "data_average_precision": _score(whether, data, "average_precision"),
        "duplicates_average_precision": _score(whether, duplicates, "average_precision"),
        "duplicates_auroc": _score(whether, duplicates, "auroc"),
        "sibling_precision": _score(whether, sibling, "precision"),
        "sibling_recall": _score(whether, sibling, "recall"),
    }
    for metric in (
        "auroc",
        "average_precision",
        "precision",
        "recall",
        "f1",
        "calibration_slope",
        "observed_to_expected",
    ):
        found[metric] = _score(whether, best, metric)
    pairs = {
        "duplicates": (best, duplicates),
        "sibling": (best, sibling),
        "data_duplicates": (data, duplicates),
    }
    for name, (one, other) in pairs.items():
        difference = _difference(results, one, other)
        found[f"over_{name}"] = estimate(difference, 2)
        found[f"versus_{name}"] = versus(difference)
    return found


def _leakage(results: Results) -> Topic:
    """What leaky splits give the best model of the highest tier, and how their gains look."""
    tier = results.top_tier("whether")
    best = results.best("whether", tier)
    found = {"model": model_name(best), "tier": tier}
    for scheme in ("random", "continuation"):
        gain = results.metrics["whether"]["leakage"][f"fold_{scheme}"][tier][best]
        found[scheme] = estimate(gain["average_precision"], 2)
        found[f"{scheme}_gain"] = estimate(gain["average_precision_gain"], 2)
        found[f"{scheme}_versus"] = versus(gain["average_precision_gain"])
    return found


def _importance(results: Results) -> Topic:
    """The two families, and the feature, on which the best model of the highest tier relies."""
    tier = results.top_tier("whether")
    best = results.best("whether", tier)
    table = results.importance
    table = table[(table["tier"] == tier) & (table["model"] == best)]
    single = table["feature"].str.contains(".", regex=False)
    ranked = {"family": table[~single], "feature": table[single]}
    found = {}
    for kind, rows in ranked.items():
        rows = rows.sort_values("importance", ascending=False, kind="stable")
        for place, word in enumerate(("first", "second")):
            row = rows.iloc[place] if place < len(rows) else None
            found[f"{word}_{kind}"] = MISSING if row is None else str(row["feature"])
            value = None if row is None else {"value": row["importance"], **_bounds(row)}
            found[f"{word}_{kind}_loss"] = estimate(value, 2)
    return {name: text.replace("_", " ") for name, text in found.items()}


def _when(results: Results) -> Topic:
    when, last = results.metrics["when"], results.suite.steps[-1]
    tier = results.top_tier("when")
    best = (tier, results.best("when", tier))
    nothing = results.baseline("when", "kaplan_meier")
    strata = results.baseline("when", "kaplan_meier_strata")
    error = when[tier][best[1]]["absolute_error_steps"]["value"]
    quantiles = when["event_step_quantiles"]
    return {
        "models": listed([model_name(name) for name in results.params.when.models]),
        "event": {"first": "first memorized", "stable": "memorized for good"}[when["event"]],
        "n_events": count(when["n_events"]),
        "fraction": percent(when["population_fraction"]),
        "early": count(quantiles["10%"]),
        "median": count(quantiles["50%"]),
        "late": count(quantiles["90%"]),
        "tier": tier,
        "best": model_name(best[1]),
        "concordance": _score(when, best, "concordance"),
        "concordance_memorized": _score(when, best, "concordance_memorized"),
        "brier_skill": _score(when, best, "brier_skill"),
        "absolute_error": _score(when, best, "absolute_error_steps", 0),
        "absolute_error_percent": percent(_over(error, last)),
        "nothing_absolute_error": _score(when, nothing, "absolute_error_steps", 0),
        "strata_concordance": _score(when, strata, "concordance"),
        "strata_concordance_memorized": _score(when, strata, "concordance_memorized"),
        "strata_brier_skill": _score(when, strata, "brier_skill"),
        "versus_chance": versus(_minus_half(when[tier][best[1]]["concordance_memorized"])),
    }


def _score(
    scores: Mapping[str, Any], key: tuple[str, str] | None, metric: str, digits: int = 2
) -> str:
    return MISSING if key is None else estimate(scores[key[0]][key[1]].get(metric), digits)


def _difference(
    results: Results, one: tuple[str, str], other: tuple[str, str] | None
) -> dict[str, float | None] | None:
    """Return by how much the average precision of one exceeds the other's, paired by replicate."""
    if other is None:
        return None
    truth = results.sample["memorized"].to_numpy(dtype=bool)
    weight = results.sample["weight"].to_numpy()
    values, replicates = [], []
    for key in (one, other):
        score = results.probability(*key)
        values.append(float(average_precision(truth, score, weight)))
        replicates.append(replicate(average_precision, truth, score, weight, results.drawn))
    low, high = interval(replicates[0] - replicates[1], results.params.bootstrap.level)
    known = np.isfinite([low, high]).all()
    return {
        "value": values[0] - values[1],
        "low": low if known else None,
        "high": high if known else None,
    }


def _minus_half(found: Mapping[str, float | None]) -> dict[str, float | None]:
    return {key: None if value is None else value - 0.5 for key, value in found.items()}


def _bounds(row: Any) -> dict[str, float | None]:
    known = np.isfinite([row["low"], row["high"]]).all()
    return {name: float(row[name]) if known else None for name in ("low", "high")}


def _over(part: float | None, whole: float) -> float | None:
    return None if part is None or not whole else part / whole
