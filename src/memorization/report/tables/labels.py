"""What the labels look like."""

from __future__ import annotations

from memorization.report.numbers import MISSING, count, decimal, percent
from memorization.report.results import Results
from memorization.report.tables.pipe import pipe_table


def write(results: Results) -> str:
    """Return the statistics of the sample, and weighted to the population."""
    labels = results.metrics["labels"]
    memorized, forgotten = labels["memorized"], labels["forgotten"]
    times = labels["of_the_memorized"]
    first, stable = times["first_step_quantiles"], times["stable_step_quantiles"]
    late = int(results.targets.left_censored.sum())
    quantiles = ("10%", "50%", "90%")
    rows = [
        ["sequences in the population", count(labels["population"])],
        ["sequences in the sample", count(labels["sequences"])],
        ["… distinct texts", count(labels["distinct_texts"])],
        ["memorized at the end, in the sample", count(memorized["sequences"])],
        ["… distinct texts", count(memorized["distinct_texts"])],
        ["… share of the population", percent(memorized["population_fraction"])],
        ["memorized once and not at the end, in the sample", count(forgotten["sequences"])],
        ["… share of the population", percent(forgotten["population_fraction"])],
        ["of the memorized: first step (10, 50, 90%)", _listed(first, quantiles)],
        ["… stable step (10, 50, 90%)", _listed(stable, quantiles)],
        ["… memorized before the step that trains on them", percent(times["before_being_seen"])],
        ["… changes of state over training, median", decimal(times["median_switches"], 1)],
    ]
    if late:
        rows.append(["event at or before a late first evaluation, in the sample", count(late)])
    return pipe_table(["", "value"], rows, "<52 >24")


def _listed(quantiles: dict[str, float | None], names: tuple[str, ...]) -> str:
    return ", ".join(count(quantiles[name]).replace(",", "") for name in names) or MISSING
