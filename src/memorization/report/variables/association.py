"""Which features go with memorization, and which families of them say nothing new."""

from __future__ import annotations

import numpy as np

from memorization.report.names import family_name, listed
from memorization.report.numbers import count, decimal
from memorization.report.results import Results
from memorization.report.variables.words import Topic

VERDICTS = ("useful", "redundant", "no signal", "undetermined")


def association(results: Results) -> Topic:
    """Return how features fare against what was expected of them, and the verdicts by family."""
    found = results.metrics["association"]
    agreement, families = found["agreement"], found["families"]
    table = results.association
    auroc = table["auroc"].to_numpy()
    best = int(np.nanargmax(np.abs(auroc - 0.5)))
    named: Topic = {}
    for verdict in VERDICTS:
        own = [family_name(name) for name, score in families.items() if score["verdict"] == verdict]
        named[verdict.replace(" ", "_")] = listed(own) if own else "none"
    return named | {
        "features": count(len(table)),
        "families": count(len(families)),
        "agree": count(agreement["agrees"]),
        "contradict": count(agreement["contradicts"]),
        "undecided": count(agreement["undecided"]),
        "open": count(agreement["open"]),
        "best": family_name(str(table["feature"].iloc[best])),
        "best_auroc": decimal(float(auroc[best]), 2),
    }
