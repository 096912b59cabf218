"""Clusters and folds."""

from __future__ import annotations

from memorization.report.numbers import count, decimal, percent
from memorization.report.results import Results
from memorization.report.variables.words import Topic, over


def split(results: Results) -> Topic:
    """Return how large clusters are, what was cut, and what folds leave exposed."""
    found = results.metrics["split"]
    clusters, cut = found["clusters"], found["cut"]
    return {
        "clusters": count(clusters["count"]),
        "with_cases": count(clusters["with_cases"]),
        "effective_with_cases": decimal(clusters["effective_with_cases"], 1),
        "largest": count(clusters["largest"]),
        "largest_cases": count(clusters["largest_cases"]),
        "largest_before": count(cut["largest_before"]),
        "clusters_cut": count(cut["clusters_cut"]),
        "exposed_after_cut": count(cut["exposed"]),
        "apart": _apart(found["fold"]["exposed"]),
        "exposed_cases": percent(over(found["fold"]["exposed_cases"], found["cases"])),
        "random_exposed_cases": percent(
            over(found["fold_random"]["exposed_cases"], found["cases"])
        ),
    }


def _apart(exposed: int) -> str:
    """Return how well training and test folds are kept apart, as a clause."""
    if not exposed:
        return "no text is in training and test folds at once"
    return (
        "clusters of shared text are kept in one fold, but for the "
        f"{count(exposed)} rows that share text with another fold since a cluster too large for "
        "one was cut"
    )
