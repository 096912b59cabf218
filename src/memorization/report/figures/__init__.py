"""The figures of the paper: one module each, one line here; ``paper/figures/NAME.svg``."""

from __future__ import annotations

from memorization.report.figures import (
    calibration,
    correlation,
    growth,
    importance,
    leakage,
    memorized_by_count,
    memorized_by_size,
    precision_recall,
    scores_by_tier,
    siblings,
    survival_by_count,
    univariate,
    when_scores,
)

FIGURES = {
    module.__name__.rpartition(".")[2]: module.draw
    for module in (
        memorized_by_size,
        memorized_by_count,
        growth,
        scores_by_tier,
        precision_recall,
        siblings,
        importance,
        univariate,
        correlation,
        leakage,
        survival_by_count,
        when_scores,
        calibration,
    )
}
