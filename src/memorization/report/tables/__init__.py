"""The tables of the paper: one module each, one line here; ``paper/tables/NAME.md``."""

from __future__ import annotations

from memorization.report.tables import (
    correlation,
    families,
    features,
    kinds,
    labels,
    not_useful,
    siblings,
    single_features,
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
        not_useful,
        kinds,
        correlation,
        single_features,
        siblings,
        when_scores,
    )
}
