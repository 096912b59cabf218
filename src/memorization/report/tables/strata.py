"""What is known beyond a count: scores among sequences that occur about equally often."""

from __future__ import annotations

from typing import Any

from memorization.report.names import model_name, stratum_name
from memorization.report.numbers import MISSING, count, estimate, percent, percent_estimate
from memorization.report.results import Results
from memorization.report.tables.pipe import pipe_table

# What is counted, and the baseline that knows that count alone.
COUNTS = {
    "sequence_count": ("sequence", "duplicate_count"),
    "continuation_count": ("continuation", "continuation_count"),
}


def write(results: Results) -> str:
    """Return the strata of each count, with the scores of the count and the best classifier."""
    tier = results.top_tier("whether")
    best = results.best("whether", tier)
    rows = []
    for name, (counted, baseline) in COUNTS.items():
        strata = results.strata(name)
        total = sum(stratum["population"] for stratum in strata.values())
        alone = results.baseline("whether", baseline)
        for place, (stratum_key, stratum) in enumerate(strata.items()):
            own = stratum.get(tier, {}).get(best, {})
            rows.append(
                [
                    counted if place == 0 else "",
                    stratum_name(stratum_key),
                    percent(stratum["population"] / total),
                    f"{count(stratum['cases'])} of {count(stratum['n'])}",
                    percent_estimate(stratum["prevalence"]),
                    _precision(stratum.get(alone[0], {}).get(alone[1], {}) if alone else {}),
                    _precision(own),
                    estimate(own.get("average_precision_gain"), 2),
                ]
            )
    if not rows:
        rows = [["not counted", *[MISSING] * 7]]
    header = ["", "times", "share", "memorized", "memorized (%)", "count", model_name(best), "gain"]
    return pipe_table(header, rows, "<14 <8 >8 >12 >20 >16 >16 >16")


def _precision(scores: dict[str, Any]) -> str:
    return estimate(scores.get("average_precision"), 2)
