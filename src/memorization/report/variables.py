"""Everything that the text of the paper says of the results, already written out.

Quarto reads ``paper/_variables.yml`` and puts ``{{< var labels.memorized >}}`` into the text. The
keys are the same whatever the target: what does not exist for it is a dash, so the same text holds
for all. Where the text must say in which direction something goes, the word is a variable as well,
decided by an interval; and where one suite needs another sentence than the other, or a question
could not be asked, the sentence is (`memorization.report.sentences`).

A number that a stage wrote is a line of `NUMBERS`; what must be computed is in a topic below.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

from memorization.association.correlation import SAME
from memorization.association.univariate import CHANCE
from memorization.protocol import CONTINUATION, PROMPT, SEQUENCE
from memorization.report import sentences
from memorization.report.figures.importance import lost
from memorization.report.names import family_name, listed, model_name
from memorization.report.numbers import (
    MISSING,
    count,
    decimal,
    estimate,
    large,
    percent,
    percent_estimate,
    share,
    side,
)
from memorization.report.results import Results
from memorization.report.tables.families import LITTLE, same_pairs
from memorization.siblings.compute import tokens_seen
from memorization.whether.importance import LARGEST

Topic = dict[str, str]

# Topic -> name -> where the number is (in the metrics by file, the params or the suite), and how
# it is written.
NUMBERS: dict[str, dict[str, tuple[str, Callable[[Any], str]]]] = {
    "protocol": {
        "cohort": ("params.sample_size.cohort", count),
        "folds": ("params.split.folds", count),
        "shared_tokens": ("params.split.shared_tokens", count),
        "largest_cluster": ("params.split.largest_cluster", percent),
        "replicates": ("params.bootstrap.replicates", count),
        "seed": ("params.seed", str),
    },
    "suite": {
        "target": ("params.target", str),
        "models": ("suite.models", listed),
        "population": ("suite.population", count),
        "sequences_per_step": ("suite.sequences_per_step", count),
        "window": ("suite.manifest.window", count),
        "vocabulary": ("suite.manifest.vocabulary", count),
    },
    "labels": {
        "sequences": ("labels.sequences", count),
        "distinct_texts": ("labels.distinct_texts", count),
        "memorized": ("labels.memorized.sequences", count),
        "memorized_texts": ("labels.memorized.distinct_texts", count),
        "memorized_fraction": ("labels.memorized.population_fraction", percent),
    },
    "split": {
        "clusters": ("split.clusters.count", count),
        "with_cases": ("split.clusters.with_cases", count),
        "effective_with_cases": ("split.clusters.effective_with_cases", partial(decimal, digits=1)),
        "largest_cases": ("split.clusters.largest_cases", count),
        "largest_before": ("split.cut.largest_before", count),
        "clusters_cut": ("split.cut.clusters_cut", count),
        "exposed_after_cut": ("split.cut.exposed", count),
    },
    "association": {
        "n": ("association.n", count),
        "cases": ("association.cases", count),
        "population": ("association.population", count),
        "told": ("association.agreement.told_apart", count),
        "agree": ("association.agreement.agrees", count),
        "contradict": ("association.agreement.contradicts", count),
        "open": ("association.agreement.open", count),
        "undecided": ("association.agreement.undecided", count),
        "undecided_open": ("association.agreement.undecided_open", count),
        "constant": ("association.agreement.constant", count),
    },
    "whether": {"prevalence": ("whether.prevalence", percent_estimate)},
}

VERDICTS = ("useful", "harmful", "redundant", "no signal", "undetermined")


def variables(results: Results) -> dict[str, Topic]:
    """Return topic -> name -> text."""
    return {name: topic(results, name) for name in TOPICS}


def topic(results: Results, name: str) -> Topic:
    """Return the variables of one topic."""
    numbers = NUMBERS.get(name, {})
    found = {key: form(_at(results, path)) for key, (path, form) in numbers.items()}
    return found | TOPICS[name](results)


def _at(results: Results, path: str) -> Any:
    """Return what is at a path of dots through the metrics, or else the results' attributes."""
    first, *others = path.split(".")
    found = results.metrics[first] if first in results.metrics else getattr(results, first)
    for key in others:
        found = found[key] if isinstance(found, Mapping) else getattr(found, key)
    return found


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


def _protocol(results: Results) -> Topic:
    cases = results.params.sample_size.cases
    # The cohort is drawn from all, so memorized sequences come with it as well.
    more = 0 if cases == "all" else int(results.sample["case"].sum()) - int(cases)
    published = "from a published uniform sample of all"
    return {
        "prompt": count(PROMPT),
        "continuation": count(CONTINUATION),
        "sequence": count(SEQUENCE),
        "forward": count(SEQUENCE - 1),
        "cases": "all" if cases == "all" else f"at most {count(cases)}",
        "cohort_cases": f", which brings {count(more)} more of the memorized" if more > 0 else "",
        "cohort_from": "from all" if results.suite.name == "micro" else published,
        "level": f"{100 * results.params.bootstrap.level:g}%",
    }


def _suite(results: Results) -> Topic:
    suite, memorized = results.suite, results.metrics["labels"]["memorized_by_model"]
    smallest, largest, target = suite.models[0], suite.models[-1], results.params.target
    return {
        "target_parameters": large(suite.parameters[target]),
        "smallest_parameters": large(suite.parameters[smallest]),
        "largest_parameters": large(suite.parameters[largest]),
        "smaller": listed(suite.smaller(target)),
        "smallest_memorized": percent(memorized[smallest] / suite.population),
        "largest_memorized": percent(memorized[largest] / suite.population),
        "tokens": large(tokens_seen(suite, suite.steps[-1])),
        "steps": count(suite.steps[-1]),
        **sentences.suite(results),
    }


def _split(results: Results) -> Topic:
    found = results.metrics["split"]
    return {
        "apart": sentences.apart(found["fold"]["exposed"]),
        "exposed_cases": percent(share(found["fold"]["exposed_cases"], found["cases"])),
        "random_exposed_cases": percent(
            share(found["fold_random"]["exposed_cases"], found["cases"])
        ),
    }


def _whether(results: Results) -> Topic:
    tier, best = key = results.best_of_all("whether")
    data_tier = "corpus" if "corpus" in results.tiers("whether") else tier
    data = (data_tier, results.best("whether", data_tier))
    duplicates, counted = (
        results.baseline("whether", name) for name in ("duplicate_count", "continuation_count")
    )
    found = {
        "models": listed([model_name(name) for name in results.params.whether.models]),
        "tier": tier,
        "best": model_name(best),
        "data_tier": data_tier,
        "data_best": model_name(data[1]),
        "data_average_precision": results.score("whether", data, "average_precision"),
        "duplicates_average_precision": results.score("whether", duplicates, "average_precision"),
        "count_average_precision": results.score("whether", counted, "average_precision"),
        **sentences.whether(results, key, counted),
    }
    for metric in ("auroc", "average_precision", "precision", "recall", "f1"):
        found[metric] = results.score("whether", key, metric)
    for name, one, baseline in (
        ("duplicates", key, "duplicate_count"),
        ("count", key, "continuation_count"),
        ("sibling", key, "smaller_sibling"),
        ("data_duplicates", data, "duplicate_count"),
        ("data_count", data, "continuation_count"),
    ):
        gained = results.gain_over("whether", one, baseline, "average_precision")
        found[f"over_{name}"] = estimate(gained, 2)
        found[f"versus_{name}"] = sentences.VERSUS[side(gained)]
    # Of the last of these.
    return found | {"adds": sentences.ADDS[side(gained)]}


def _leakage(results: Results) -> Topic:
    """Return what leaky splits give the best model of the highest and the lowest tier."""
    tiers = [tier for tier in results.tiers("whether") if results.fitted("whether", tier)]
    found: Topic = {}
    for prefix, tier in (("", tiers[-1]), ("low_", tiers[0])):
        best = results.best("whether", tier)
        leaky = results.metrics["whether"]["leakage"]
        random, continuation = (
            leaky[f"fold_{name}"][tier][best] for name in ("random", "continuation")
        )
        found |= {
            f"{prefix}model": model_name(best),
            f"{prefix}tier": tier,
            f"{prefix}random": estimate(random["average_precision"], 2),
            f"{prefix}random_gain": estimate(random["average_precision_gain"], 2),
            f"{prefix}random_versus": sentences.VERSUS[side(random["average_precision_gain"])],
            f"{prefix}continuation_gain": estimate(continuation["average_precision_gain"], 2),
        }
    return found


def _importance(results: Results) -> Topic:
    """Return the two families, and the feature, on which the best model relies."""
    tier, best = results.best_of_all("whether")
    table = results.importance
    table = table[(table["tier"] == tier) & (table["model"] == best)]
    table = table.sort_values("importance", ascending=False, kind="stable")
    single = table["feature"].str.contains(".", regex=False)
    found: Topic = {}
    for name, rows in (
        ("first_family", table[~single][:1]),
        ("second_family", table[~single][1:2]),
        ("first_feature", table[single][:1]),
    ):
        found |= {name: MISSING, f"{name}_loss": MISSING}
        for _, row in rows.iterrows():
            found |= {name: family_name(row["feature"]), f"{name}_loss": estimate(lost(row), 2)}
    thinned = f" Rows beyond {count(LARGEST)} are thinned for this, the memorized last."
    return found | {"thinned": thinned if len(results.sample) > LARGEST else ""}


def _association(results: Results) -> Topic:
    found, table = results.metrics["association"], results.association
    # In the order of the features, which the metrics do not keep.
    families = {name: found["families"][name] for name in dict.fromkeys(table["family"])}
    verdicts = {
        verdict.replace(" ", "_"): listed(
            [family_name(name) for name, of in families.items() if of["verdict"] == verdict]
        )
        for verdict in VERDICTS
    }
    best = table.iloc[int(np.nanargmax((table["auroc"] - CHANCE).abs()))]
    return verdicts | {
        "features": count(len(table)),
        "families": count(len(families)),
        "pairs": count(len(families) * (len(families) - 1) // 2),
        "best": family_name(best["feature"]),
        "best_auroc": decimal(best["auroc"], 2),
        "same": f"{SAME:g}",
        "little": f"{LITTLE:g}",
        "same_pairs": count(len(same_pairs(results.correlation))),
        **sentences.association(results, families),
    }


def _siblings(results: Results) -> Topic:
    found = results.metrics["siblings"]
    pairs = found["pairs"].get(results.params.target, {})
    pairs = {model: pairs[model] for model in sorted(pairs, key=found["compute"].__getitem__)}
    nearest = list(pairs.values())[-1] if pairs else {}
    return {
        "next_precision": decimal(nearest.get("precision"), 2),
        "next_recall": decimal(nearest.get("recall"), 2),
        **sentences.siblings(results, pairs),
    }


TOPICS: dict[str, Callable[[Results], Topic]] = {
    "protocol": _protocol,
    "suite": _suite,
    "labels": sentences.labels,
    "strata": sentences.strata,
    "split": _split,
    "whether": _whether,
    "leakage": _leakage,
    "importance": _importance,
    "association": _association,
    "siblings": _siblings,
    "when": sentences.when,
}
