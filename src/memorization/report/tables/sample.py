"""What is studied: the models, the labels of the sample, and how it is split into folds."""

from __future__ import annotations

from memorization.report.results import Results
from memorization.report.tables.pipe import pipe_table
from memorization.report.wording import count, decimal, percent

SCHEMES = {
    "fold": "by clusters",
    "fold_continuation": "by identical continuations",
    "fold_random": "at random",
}


def suite(results: Results) -> str:
    """Return the models of the suite with exact counts over the whole population."""
    labels = results.metrics["labels"]
    rows = []
    for described in results.suite.manifest["models"]:
        model, shape = described["name"], described["shape"]
        memorized = labels["memorized_by_model"][model]
        rows.append(
            [
                f"{model}{' (target)' if model == labels['target'] else ''}",
                count(results.suite.parameters[model]),
                *(str(shape[key]) for key in ("layers", "hidden", "heads")),
                count(memorized),
                percent(memorized / labels["population"]),
            ]
        )
    columns = {"model": "<22", "parameters": ">12", "layers": ">8", "width": ">8", "heads": ">8"}
    return pipe_table(columns | {"memorized": ">11", "share": ">9"}, rows)


def labels(results: Results) -> str:
    """Return the statistics of the sample, and weighted to the population."""
    found = results.metrics["labels"]
    memorized, forgotten = found["memorized"], found["forgotten"]
    times = found["of_the_memorized"]
    late = int(results.targets.left_censored.sum())
    rows = [
        ["sequences in the population", count(found["population"])],
        ["sequences followed through all checkpoints", count(found["sequences"])],
        ["… distinct texts", count(found["distinct_texts"])],
        ["memorized at the end, of the followed", count(memorized["sequences"])],
        ["… distinct texts", count(memorized["distinct_texts"])],
        ["… share of the population", percent(memorized["population_fraction"])],
        ["memorized once and not at the end, of the followed", count(forgotten["sequences"])],
        ["… share of the population", percent(forgotten["population_fraction"])],
        ["of the memorized: first step (10, 50, 90%)", _steps(times["first_step_quantiles"])],
        ["… stable step (10, 50, 90%)", _steps(times["stable_step_quantiles"])],
        ["… memorized before the step that trains on them", percent(times["before_being_seen"])],
        ["… changes of state over training, median", decimal(times["median_switches"], 1)],
    ]
    if late:
        rows.append(["event at or before a late first evaluation, of the followed", count(late)])
    shares = (found["agreement"] or {}).get("shares", {"n": 0})
    if shares["n"]:
        told = f"{percent(shares['share'])} of {count(shares['n'])}"
        rows.append(["published shares of equal tokens that a scan allows", told])
    return pipe_table({"": "<52", "value": ">24"}, rows)


def _steps(quantiles: dict[str, float | None]) -> str:
    return ", ".join(count(quantiles[name]).replace(",", "") for name in ("10%", "50%", "90%"))


def split(results: Results) -> str:
    """Return sizes of the folds, and rows that share a window with another fold, by scheme."""
    found = results.metrics["split"]
    rows = [
        [
            name,
            f"{count(of['smallest'])}–{count(of['largest'])}",
            f"{count(of['fewest_cases'])}–{count(of['most_cases'])}",
            f"{count(of['exposed'])} of {count(found['rows'])}",
            f"{count(of['exposed_cases'])} of {count(found['cases'])}",
        ]
        for of, name in ((found[scheme], name) for scheme, name in SCHEMES.items())
    ]
    columns = {"folds": "<26", "rows a fold": ">12", "memorized a fold": ">16"}
    return pipe_table(columns | {"exposed rows": ">16", "exposed memorized": ">18"}, rows)


TABLES = {"suite": suite, "labels": labels, "split": split}
