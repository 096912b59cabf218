"""How well it is predicted whether a sequence is memorized, from what, and what leakage buys."""

from __future__ import annotations

from typing import Any

import numpy as np

from memorization.report.calibration_groups import grouped
from memorization.report.names import family_name, listed, model_name
from memorization.report.numbers import MISSING, count, estimate, percent_estimate
from memorization.report.results import Results
from memorization.report.variables.words import (
    Estimate,
    Topic,
    adds,
    off_groups,
    score,
    versus,
)
from memorization.whether.importance import LARGEST

METRIC = "average_precision"


def whether(results: Results) -> Topic:
    """Return the scores of the best models, and how they compare with the baselines."""
    scores = results.metrics["whether"]
    tier = results.top_tier("whether")
    best = (tier, results.best("whether", tier))
    duplicates = results.baseline("whether", "duplicate_count")
    continuation = results.baseline("whether", "continuation_count")
    data_tier = "corpus" if "corpus" in results.tiers("whether") else tier
    data = (data_tier, results.best("whether", data_tier))
    found = {
        "prevalence": percent_estimate(scores["prevalence"]),
        "models": listed([model_name(name) for name in results.params.whether.models]),
        "tier": tier,
        "best": model_name(best[1]),
        "data_tier": data_tier,
        "data_best": model_name(data[1]),
        "data_average_precision": score(scores, data, METRIC),
        "duplicates_average_precision": score(scores, duplicates, METRIC),
        "count_average_precision": score(scores, continuation, METRIC),
        "count_auroc": score(scores, continuation, "auroc"),
        "over_tiers": _over_tiers(results, best[1]),
        "headline": _headline(results, best, continuation),
        "unexposed": _unexposed(results, best, continuation),
        "calibration": _calibration(results, tier),
    }
    for metric in ("auroc", METRIC, "precision", "recall", "f1"):
        found[metric] = score(scores, best, metric)
    for prefix, key in (("", best), ("data_", data)):
        for name, baseline in (
            ("duplicates", "duplicate_count"),
            ("count", "continuation_count"),
            ("sibling", "smaller_sibling"),
        ):
            gained = results.gain_over("whether", key, baseline, METRIC)
            found[f"over_{prefix}{name}"] = estimate(gained, 2)
            found[f"versus_{prefix}{name}"] = versus(gained)
    found["adds"] = adds(results.gain_over("whether", data, "continuation_count", METRIC))
    return found


def _headline(results: Results, best: tuple[str, str], counted: tuple[str, str] | None) -> str:
    """Return what one count reaches, and what all else adds to it, in a sentence."""
    scores = results.metrics["whether"]
    own = score(scores, best, METRIC)
    name = f"the best classifier at the highest tier of knowledge ({best[0]})"
    if counted is None:
        return f"In predicting which, {name} reaches an average precision of {own}"
    gained = results.gain_over("whether", best, counted[1], METRIC)
    return (
        "In predicting which, one count, how often the continuation occurs in the training data, "
        f"reaches an average precision of {score(scores, counted, METRIC)}; {name} reaches {own}, "
        f"a difference of {estimate(gained, 2)}, {adds(gained)}"
    )


def _over_tiers(results: Results, model: str) -> str:
    """Return what a model gains with each step up the tiers, in a sentence."""
    steps = results.gain_by_tier("whether", model, METRIC)
    if not steps:
        return "There is one tier alone, so none to compare it with"
    gained = [f"{estimate(gain, 2)} with the tier *{tier}*" for tier, gain in steps.items()]
    helped = [tier for tier, gain in steps.items() if (gain["low"] or 0) > 0]
    said = f"From one tier to the next, {model_name(model)} gain {listed(gained)}"
    if len(helped) == len(steps):
        return f"{said}; every step is shown to help"
    others = [tier for tier in steps if tier not in helped]
    return f"{said}; that {listed(others)} {'helps' if len(others) == 1 else 'help'} is not shown"


def _unexposed(results: Results, best: tuple[str, str], counted: tuple[str, str] | None) -> str:
    """Return the scores without the rows that share text with another fold, in a sentence."""
    scores, left = results.metrics["whether"], results.metrics["whether"].get("unexposed")
    if left is None:
        return "No row shares a run of tokens with another fold"
    rows, cases = scores["n"] - left["n"], scores["cases"] - left["cases"]
    of_them = "all" if cases == rows else count(cases)
    said = (
        f"In the sample {count(rows)} rows, {of_them} of them memorized, still share a run of "
        "tokens with another fold"
    )
    if best[0] not in left:
        return f"{said}, and without them there is nothing to tell apart"
    said += (
        "; without them the best classifier has an average precision of "
        f"{score(left, best, METRIC)}"
    )
    if counted is None:
        return said
    return f"{said} and the continuation count one of {score(left, counted, METRIC)}"


def _calibration(results: Results, tier: str) -> str:
    """Return how well the probabilities of every model of a tier are calibrated, in sentences."""
    scores = results.metrics["whether"][tier]
    said = []
    for model in results.fitted("whether", tier):
        ratio, slope = scores[model]["observed_to_expected"], scores[model]["calibration_slope"]
        said.append(
            f"With {model_name(model)}, {estimate(ratio, 2)} sequences are memorized per predicted "
            f"one, and the slope is {estimate(slope, 2)}: {_calibrated(ratio, slope)}"
        )
        off = off_groups(grouped(results, results.probability(tier, model), _memorized(results)))
        if off:
            said[-1] += f". Of its groups, {listed(off)}"
    return ". ".join(said)


def _calibrated(ratio: Estimate, slope: Estimate) -> str:
    """Return what the two intervals say.

    >>> ones = {"value": 1.0, "low": 0.9, "high": 1.1}
    >>> _calibrated(ones, ones), _calibrated(ones, {"value": 0.5, "low": 0.4, "high": 0.7})
    ('neither can be told from one', 'its odds are too extreme')
    """
    wrong = []
    for found, below, above in (
        (ratio, "it expects too many", "it expects too few"),
        (slope, "its odds are too extreme", "its odds are not extreme enough"),
    ):
        if found["low"] is None or found["high"] is None:
            return "this is too little to judge by"
        if found["high"] < 1:
            wrong.append(below)
        elif found["low"] > 1:
            wrong.append(above)
    return listed(wrong) if wrong else "neither can be told from one"


def _memorized(results: Results) -> np.ndarray:
    return results.sample["memorized"].to_numpy(dtype=bool)


def leakage(results: Results) -> Topic:
    """What leaky splits give the best model of the highest and the lowest tier."""
    tiers = [tier for tier in results.tiers("whether") if results.fitted("whether", tier)]
    found: Topic = {}
    for prefix, tier in (("", tiers[-1]), ("low_", tiers[0])):
        best = results.best("whether", tier)
        found |= {f"{prefix}model": model_name(best), f"{prefix}tier": tier}
        for scheme in ("random", "continuation"):
            gain = results.metrics["whether"]["leakage"][f"fold_{scheme}"][tier][best]
            found[f"{prefix}{scheme}"] = estimate(gain[METRIC], 2)
            found[f"{prefix}{scheme}_gain"] = estimate(gain[f"{METRIC}_gain"], 2)
            found[f"{prefix}{scheme}_versus"] = versus(gain[f"{METRIC}_gain"])
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
            found[f"{word}_{kind}"] = MISSING if row is None else family_name(str(row["feature"]))
            value = None if row is None else {"value": row["importance"], **_bounds(row)}
            found[f"{word}_{kind}_loss"] = estimate(value, 2)
    found["thinned"] = (
        f" Rows beyond {count(LARGEST)} are thinned for this, the memorized last."
        if len(results.sample) > LARGEST
        else ""
    )
    return found


def _bounds(row: Any) -> dict[str, float | None]:
    known = np.isfinite([row["low"], row["high"]]).all()
    return {name: float(row[name]) if known else None for name in ("low", "high")}
