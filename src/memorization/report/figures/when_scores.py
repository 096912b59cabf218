"""How well is it predicted when a sequence is memorized, by what must be known to predict it?"""

from __future__ import annotations

from matplotlib.figure import Figure

from memorization.report.drawing import draw_estimates, in_words, mark_value, panels, rows_of
from memorization.report.results import Results

METRICS = {
    "concordance_memorized": ("concordance among the memorized", 0.5, "chance"),
    "brier_skill": ("integrated Brier skill", 0.0, "Kaplan–Meier"),
}


def draw(results: Results) -> Figure:
    """Return concordance among the memorized, and Brier skill, of every model, by tier."""
    if not results.when_done:
        return in_words(f"When is not answered: {results.metrics['when']['reason']}.")
    scores = results.metrics["when"]
    rows = rows_of(results, "when")
    figure, axes = panels(rows, [label for label, _, _ in METRICS.values()])
    for panel, (metric, (_, value, text)) in zip(axes, METRICS.items(), strict=True):
        draw_estimates(panel, rows, lambda row, m=metric: scores[row.tier][row.model].get(m))  # type: ignore[misc]
        mark_value(panel, value, text)
    return figure
