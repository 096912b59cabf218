"""How well it is predicted whether, and when, a sequence is memorized."""

from __future__ import annotations

from memorization.report.names import METRICS, model_name, stratum_name
from memorization.report.numbers import MISSING, count, estimate, percent, percent_estimate
from memorization.report.results import Results
from memorization.report.tables.pipe import pipe_table

WHETHER = ("auroc", "average_precision", "precision", "recall", "f1")

# With the decimals and the width that each is given.
WHEN = {
    "concordance": (2, ">14"),
    "concordance_memorized": (2, ">14"),
    "brier_skill": (2, ">14"),
    "absolute_error_steps": (0, ">16"),
    "state_skill": (2, ">14"),
}

# What is counted, and the baseline that knows that count alone.
COUNTS = {
    "sequence_count": ("sequence", "duplicate_count"),
    "continuation_count": ("continuation", "continuation_count"),
}


def whether_scores(results: Results) -> str:
    """Return the scores of every model and baseline by tier, with intervals."""
    rows = [
        [tier, model_name(model), *(estimate(found[metric], 2) for metric in WHETHER)]
        for tier, model, found in results.scored("whether")
    ]
    columns = {"tier": "<10", "model": "<18"} | {METRICS[metric]: ">13" for metric in WHETHER}
    return pipe_table(columns, rows, once=True)


def when_scores(results: Results) -> str:
    """Return the scores of every survival model by tier, with intervals."""
    rows = [
        [
            tier,
            model_name(model),
            *(estimate(found.get(metric), digits) for metric, (digits, _) in WHEN.items()),
        ]
        for tier, model, found in results.scored("when")
    ]
    if not results.when_done:
        reason = results.metrics["when"]["reason"]
        rows = [["", f"not answered: {reason}", *[MISSING] * len(WHEN)]]
    columns = {METRICS[metric]: width for metric, (_, width) in WHEN.items()}
    return pipe_table({"tier": "<10", "model": "<24"} | columns, rows, once=True)


def strata(results: Results) -> str:
    """Return the strata of each count, with the scores of the count and the best classifier."""
    tier, best = results.best_of_all("whether")
    rows = []
    for name, (counted, baseline) in COUNTS.items():
        found = results.strata(name)
        total = sum(stratum["population"] for stratum in found.values())
        baseline_tier, _ = results.baseline("whether", baseline) or ("", "")
        for key, stratum in found.items():
            alone = stratum.get(baseline_tier, {}).get(baseline, {})
            own = stratum.get(tier, {}).get(best, {})
            rows.append(
                [
                    counted,
                    stratum_name(key),
                    percent(stratum["population"] / total),
                    f"{count(stratum['cases'])} of {count(stratum['n'])}",
                    percent_estimate(stratum["prevalence"]),
                    estimate(alone.get("average_precision"), 2),
                    estimate(own.get("average_precision"), 2),
                    estimate(own.get("average_precision_gain"), 2),
                ]
            )
    columns = {"": "<14", "times": "<8", "share": ">8", "memorized": ">12", "memorized (%)": ">20"}
    columns |= {"count": ">16", model_name(best): ">16", "gain": ">16"}
    return pipe_table(columns, rows or [["not counted", *[MISSING] * 7]], once=True)


TABLES = {"whether_scores": whether_scores, "when_scores": when_scores, "strata": strata}
