"""The tables of the paper: one module each, one line here; ``paper/tables/NAME.md``."""

from __future__ import annotations

from memorization.report.tables import (
    families,
    features,
    labels,
    siblings,
    split,
    strata,
    suite,
    univariate,
    when_scores,
    whether_scores,
)

TABLES = {
    module.__name__.rpartition(".")[2]: module.write
    for module in (
        suite,
        labels,
        families,
        features,
        split,
        strata,
        whether_scores,
        univariate,
        siblings,
        when_scores,
    )
}
