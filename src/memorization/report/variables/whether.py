"""How well it is predicted whether a sequence is memorized, from what, and what leakage buys."""

from __future__ import annotations

from typing import Any

import numpy as np

from memorization.metrics.bootstrap import interval, replicate
from memorization.metrics.ranking import average_precision
from memorization.report.names import listed, model_name
from memorization.report.numbers import MISSING, count, estimate, percent_estimate
from memorization.report.results import Results
from memorization.report.variables.words import Topic, score, versus
from memorization.whether.importance import LARGEST


def whether(results: Results) -> Topic:
    """Return the scores of the best models, and how they compare with the baselines."""
    scores = results.metrics["whether"]
    tier = results.top_tier("whether")
    best = (tier, results.best("whether", tier))
    duplicates = results.baseline("whether", "duplicate_count")
    sibling = results.baseline("whether", "smaller_sibling")
    data_tier = "corpus" if results.tiers("whether").count("corpus") else tier
    data = (data_tier, results.best("whether", data_tier))
    found = {
        "prevalence": percent_estimate(scores["prevalence"]),
        "models": listed([model_name(name) for name in results.params.whether.models]),
        "tier": tier,
        "best": model_name(best[1]),
        "data_tier": data_tier,
        "data_best": model_name(data[1]),
        "data_average_precision": score(scores, data, "average_precision"),
        "duplicates_average_precision": score(scores, duplicates, "average_precision"),
        "duplicates_auroc": score(scores, duplicates, "auroc"),
        "sibling_precision": score(scores, sibling, "precision"),
        "sibling_recall": score(scores, sibling, "recall"),
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
        found[metric] = score(scores, best, metric)
    pairs = {
        "duplicates": (best, duplicates),
        "sibling": (best, sibling),
        "data_duplicates": (data, duplicates),
    }
    for name, (one, other) in pairs.items():
        gained = difference(results, one, other)
        found[f"over_{name}"] = estimate(gained, 2)
        found[f"versus_{name}"] = versus(gained)
    return found


def leakage(results: Results) -> Topic:
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


def importance(results: Results) -> Topic:
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
    found["rows"] = count(LARGEST)
    return {name: text.replace("_", " ") for name, text in found.items()}


def difference(
    results: Results, one: tuple[str, str], other: tuple[str, str] | None
) -> dict[str, float | None] | None:
    """Return by how much the average precision of one exceeds the other's, paired by replicate."""
    if other is None:
        return None
    truth = results.sample["memorized"].to_numpy(dtype=bool)
    weight = results.sample["weight"].to_numpy()
    values, replicates = [], []
    for key in (one, other):
        found = results.probability(*key)
        values.append(float(average_precision(truth, found, weight)))
        replicates.append(replicate(average_precision, truth, found, weight, results.drawn))
    low, high = interval(replicates[0] - replicates[1], results.params.bootstrap.level)
    known = np.isfinite([low, high]).all()
    return {
        "value": values[0] - values[1],
        "low": low if known else None,
        "high": high if known else None,
    }


def _bounds(row: Any) -> dict[str, float | None]:
    known = np.isfinite([row["low"], row["high"]]).all()
    return {name: float(row[name]) if known else None for name in ("low", "high")}
