"""The labels: where they come from, and what they look like."""

from __future__ import annotations

from typing import Any

from memorization.evaluation.bootstrap import estimate
from memorization.evaluation.metrics.ratio import weighted_mean
from memorization.report.names import listed
from memorization.report.numbers import count, decimal, percent, percent_estimate
from memorization.report.results import Results
from memorization.report.variables.words import Topic, over


def labels(results: Results) -> Topic:
    """Return the statistics of the labels, and how the states and times were found."""
    found = results.metrics["labels"]
    memorized, forgotten = found["memorized"], found["forgotten"]
    times, last = found["of_the_memorized"], results.suite.steps[-1]
    first, stable = (times[f"{name}_step_quantiles"]["50%"] for name in ("first", "stable"))
    return {
        "sequences": count(found["sequences"]),
        "distinct_texts": count(found["distinct_texts"]),
        "memorized": count(memorized["sequences"]),
        "memorized_texts": count(memorized["distinct_texts"]),
        "memorized_fraction": percent(memorized["population_fraction"]),
        "forgotten": count(forgotten["sequences"]),
        "forgotten_fraction": percent(forgotten["population_fraction"]),
        "first_median": count(first),
        "first_median_percent": percent(over(first, last)),
        "stable_median": count(stable),
        "stable_median_percent": percent(over(stable, last)),
        "before_being_seen": percent(times["before_being_seen"]),
        "median_switches": decimal(times["median_switches"], 0),
        "source": found["times"]["source"],
        "agreement": percent((found.get("agreement") or {}).get("share")),
        "abstract": _abstract(results),
        "end": _end(results),
        "evaluated": _evaluated(results),
        "absorbing": _absorbing(results),
        "early_copies": _early_copies(times["before_being_seen"]),
    }


def _abstract(results: Results) -> str:
    n, source = count(len(results.steps)), results.metrics["labels"]["times"]["source"]
    if source == "scan":
        return f"and test every sequence of a sample at each of {n} checkpoints"
    if source == "published":
        return f"and take the state of every sequence of a sample from {n} published evaluations"
    return "and take from published evaluations which of them are memorized at the end"


def _end(results: Results) -> str:
    """Return what the labels at the end of training are of."""
    found = results.metrics["labels"]
    if results.suite.name == "micro":
        return (
            "Every label is made here, by this pass; at the last checkpoint over the whole of the "
            "training data"
        )
    published = (
        "The labels at the end of training are the published ones, over the whole of the training "
        "data"
    )
    agreement = found.get("agreement")
    if not agreement or agreement["share"] is None:
        return published
    return (
        f"{published}; this pass, made for the times, agrees with them on "
        f"{percent(agreement['share'])} of the {count(agreement['n'])} sequences of the sample"
    )


def _evaluated(results: Results) -> str:
    """Return at which checkpoints states are known, and what is not known of the times."""
    times, steps = results.metrics["labels"]["times"], results.steps
    if times["source"] == "none":
        return f"The target is known at the end of training only: {times['reason']}"
    if times["source"] == "scan":
        return f"The target is run at {_grid(steps.tolist(), results)}"
    late = results.targets.left_censored.sum()
    return (
        f"The state of the target is known at {count(len(steps))} published evaluations, at the "
        f"steps {listed([count(step) for step in steps])}. An evaluation covers what had been "
        "trained on by then, so a sequence comes under observation with the first evaluation after "
        f"its own step. For {count(late)} sequences of the sample that were memorized at their "
        "first evaluation, and this was not the first of all, the event is left-censored: it was "
        "then or before. Such an event contributes the probability of that "
        "[@turnbull1976empirical]; models that cannot take it are fitted by stochastic expectation "
        "and maximization [@celeux1985sem], its time drawn from the model's own distribution up to "
        "the bound. This supposes that, given its features, when a sequence comes under "
        "observation says nothing of when it is memorized"
    )


def _grid(steps: list[int], results: Results) -> str:
    every = len(results.suite.steps)
    gaps = {after - before for before, after in zip([0, *steps], steps, strict=False)}
    even = f", one every {count(gaps.pop())} steps" if len(gaps) == 1 else ""
    if len(steps) == every:
        return f"all of its {count(every)} checkpoints{even}"
    return f"{count(len(steps))} of its {count(every)} checkpoints, from step {count(steps[0])} on"


def _absorbing(results: Results) -> str:
    if len(results.steps) < 2:
        return "Whether anything memorized is lost again, one evaluation does not show"
    ever = results.trajectories.memorized.any(axis=1)
    lost = ~results.sample["memorized"].to_numpy(dtype=bool)[ever]
    if not lost.any():
        return "No sequence of the sample that was memorized at a checkpoint was lost by the last"
    share = estimate(
        lambda truth, _, weight: weighted_mean(truth, weight),
        lost,
        None,
        results.sample["weight"].to_numpy()[ever],
        results.drawn[:, ever],
        results.params.bootstrap.level,
    )
    return (
        f"Memorization is not absorbing: {percent_estimate(share)} of the sequences that were "
        "memorized at some checkpoint are not memorized at the last. The sample takes its cases by "
        f"their state at the end, so this share rests on {count(int(lost.sum()))} forgotten rows"
    )


def _early_copies(share: float | None) -> str:
    claim = "Copies can make a sequence memorized before the step that trains on it"
    if share is None:
        return f"{claim}; how often they do, these evaluations do not show"
    return f"{claim}; so were {percent(share)} of those memorized at the end"


def describe_cost(cost: dict[str, Any]) -> str:
    """Return what a scan of the checkpoints would cost, in words.

    >>> cost = {"checkpoints": 143, "sequences": 60000, "gigabytes": 418.99}
    >>> describe_cost(cost | {"gpu_hours": {"A100": 4.2483, "H100": 1.4161}})
    '419 GB to download and 4.2 hours of one A100 or 1.4 hours of one H100, for 143 checkpoints'
    """
    hours = " or ".join(
        f"{decimal(value, 1)} hours of one {gpu}" for gpu, value in cost["gpu_hours"].items()
    )
    download = f"{count(cost['gigabytes'])} GB to download and " if cost["gigabytes"] else ""
    return f"{download}{hours}, for {count(cost['checkpoints'])} checkpoints"
