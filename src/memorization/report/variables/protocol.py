"""The numbers of the protocol, and how the sample was drawn."""

from __future__ import annotations

from memorization.protocol import CONTINUATION, PROMPT, SEQUENCE
from memorization.report.numbers import count, percent
from memorization.report.results import Results
from memorization.report.variables.words import Topic


def protocol(results: Results) -> Topic:
    """Return what was fixed before anything was looked at."""
    params = results.params
    cases, cohort = params.sample_size.cases, params.sample_size.cohort
    # The cohort is drawn from all, so memorized sequences come with it as well.
    more = 0 if cases == "all" else int(results.sample["case"].sum()) - int(cases)
    return {
        "prompt": count(PROMPT),
        "continuation": count(CONTINUATION),
        "sequence": count(SEQUENCE),
        "forward": count(SEQUENCE - 1),
        "cases": "all" if cases == "all" else f"at most {count(cases)}",
        "cohort": count(cohort),
        "cohort_cases": f", which brings {count(more)} more of the memorized" if more > 0 else "",
        "cohort_from": "from all"
        if results.suite.name == "micro"
        else "from a published uniform sample of all",
        "folds": count(params.split.folds),
        "shared_tokens": count(params.split.shared_tokens),
        "largest_cluster": percent(params.split.largest_cluster),
        "replicates": count(params.bootstrap.replicates),
        "level": f"{100 * params.bootstrap.level:g}%",
        "seed": str(params.seed),
    }
