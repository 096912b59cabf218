"""Is it the seed?"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from memorization.report.results import Results
from memorization.report.tables.pipe import pipe_table
from memorization.report.wording import decimal, estimate, percent, percent_estimate

# Of each number of `memorization.seeds.summary`, its name in words.
NAMES = {
    "memorized": "memorized at the end",
    "memorized_share": "share memorized",
    "count_ap": "AP, count of the continuation",
    "without_text_ap": "AP, trees without text",
    "boosting_ap": "AP, boosted trees, text and data",
    "logistic_ap": "AP, logistic, text and data",
    "text_boosting_ap": "AP, boosted trees, text alone",
    "text_logistic_ap": "AP, logistic, text alone",
    "text_stacked_ap": "AP, trees with n-grams, text alone",
    "text_ngrams_ap": "AP, bag of n-grams",
    "text_feature_ap": "AP, best feature of the text",
    "count_concordance": "concordance, count",
    "clock_concordance": "concordance, exposure clock",
    "forest_concordance": "concordance, forest",
    "clock_state": "skill of the state, exposure clock",
    "logistic_state": "skill of the state, logistic",
    "ed50": "copies for one half",
    "without_text_over_count": "AP, trees without text less count",
    "boosting_over_count": "AP, boosted trees less count",
    "logistic_over_count": "AP, logistic less count",
    "text_added": "AP, what the text adds to trees",
    "text_added_uncertain": "AP, the same where in doubt",
    "boosting_over_ngrams": "AP, text, boosted trees less n-grams",
    "logistic_over_ngrams": "AP, text, logistic less n-grams",
    "stacked_over_ngrams": "AP, text, trees with n-grams less n-grams",
    "sibling_added": "AP, what smaller models add",
    "reference_added": "AP, what a reference's surprisal adds",
    "forest_over_clock": "concordance, forest less clock",
    "without_text_over_clock": "concordance, trees without text less clock",
    "boosting_over_clock": "concordance, boosted trees less clock",
    "logistic_state_over_clock": "skill of the state, logistic less clock",
    "boosting_state_over_clock": "skill of the state, boosted trees less clock",
    "without_text_state_over_clock": "skill of the state, trees without text less clock",
    "text_added_concordance": "concordance, what the text adds to trees",
    "text_added_state": "skill of the state, the same",
    "early": "nats a token, early less random",
    "late": "nats a token, late less random",
    "even": "nats a token, even less random",
    "fuzzy": "nats a token, fuzzy less exact",
    "continuation_only": "nats a token, continuation only less whole",
}

# How they are written, if not with three decimals.
SHARES = ("memorized_share",)
DIGITS = {"memorized": 0, "ed50": 1}


def levels(results: Results) -> str:
    """Return each headline number over the seeds."""
    return _over_seeds(results, "headline")


def differences(results: Results) -> str:
    """Return each paired difference over the seeds."""
    return _over_seeds(results, "differences")


def _over_seeds(results: Results, of: str) -> str:
    if results.seeds is None:
        return "This study was run with one seed; `make seeds` repeats it with others.\n"
    numbers = results.seeds[of]
    rows = [[NAMES[name], *_row(name, numbers[name])] for name in NAMES if name in numbers]
    columns = {"": "<30", "least": ">8", "greatest": ">8", "mean over seeds": ">22"}
    return pipe_table(columns | {"SD (seeds)": ">10", "SE (texts)": ">10"}, rows)


def _row(name: str, found: Mapping[str, Any]) -> list[str]:
    digits = DIGITS.get(name, 3)
    one = percent if name in SHARES else partial(decimal, digits=digits)
    whole = percent_estimate(found) if name in SHARES else estimate(found, digits)
    # Undefined in a seed, as the copies for one half where none is memorized.
    known = [value for value in found["values"] if value is not None]
    least, greatest = min(known, default=None), max(known, default=None)
    return [one(least), one(greatest), whole, one(found["sd_between"]), one(found["se_texts"])]


TABLES = {"seeds_differences": differences, "seeds_levels": levels}
