"""Is it the seed?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from memorization.report.numbers import count, decimal, estimate, percent
from memorization.report.results import Results
from memorization.report.tables.pipe import pipe_table

# Of each number of `memorization.seeds.summary`, its name in words.
NAMES = {
    "memorized": "memorized at the end",
    "memorized_share": "share memorized",
    "count_ap": "AP, count of the continuation",
    "boosting_ap": "AP, boosting, text and counts",
    "logistic_ap": "AP, logistic, text and counts",
    "text_boosting_ap": "AP, boosting, text",
    "text_logistic_ap": "AP, logistic, text",
    "text_ngrams_ap": "AP, bag of n-grams",
    "text_feature_ap": "AP, best feature of the text",
    "strata_concordance": "concordance, Kaplan–Meier by count",
    "forest_concordance": "concordance, forest",
    "ed50": "copies for one half",
    "boosting_over_count": "AP, boosting less count",
    "logistic_over_count": "AP, logistic less count",
    "boosting_over_ngrams": "AP, text, boosting less n-grams",
    "logistic_over_ngrams": "AP, text, logistic less n-grams",
    "sibling_added": "AP, what smaller models add",
    "reference_added": "AP, what a reference's surprisal adds",
    "forest_over_strata": "concordance, forest less Kaplan–Meier by count",
    "cox_over_strata": "concordance, Cox less Kaplan–Meier by count",
    "early": "nats a token, early less random",
    "late": "nats a token, late less random",
    "even": "nats a token, even less random",
    "fuzzy": "nats a token, fuzzy less exact",
    "continuation_only": "nats a token, continuation only less whole",
}


def write(results: Results) -> str:
    """Return each headline number over the seeds, differences below."""
    found = results.seeds
    if found is None:
        return "This study was run with one seed; `make seeds` repeats it with others.\n"
    rows = [
        [NAMES[name], *_row(name, of)]
        for part in ("headline", "differences")
        for name, of in sorted(found[part].items(), key=lambda item: list(NAMES).index(item[0]))
    ]
    columns = {"": "<30", "least": ">8", "greatest": ">8", "mean over seeds": ">22"}
    return pipe_table(columns | {"SD between seeds": ">9", "SE between texts": ">9"}, rows)


def _row(name: str, found: Mapping[str, Any]) -> list[str]:
    if name == "memorized":
        numbers = [min(found["values"]), max(found["values"]), found["value"]]
        return [*map(count, numbers), count(found["sd_between"]), ""]
    if name == "memorized_share":
        numbers = [min(found["values"]), max(found["values"]), found["value"]]
        return [*map(percent, [*numbers, found["sd_between"], found["se_texts"]])]
    digits = 1 if name == "ed50" else 3
    # Undefined in a seed, as the copies for one half where none is memorized.
    known = [value for value in found["values"] if value is not None]
    ends = [decimal(end(known, default=None), digits) for end in (min, max)]
    spreads = [decimal(found[key], digits) for key in ("sd_between", "se_texts")]
    return [*ends, estimate(found, digits), *spreads]


TABLES = {"seeds": write}
