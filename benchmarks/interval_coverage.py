"""Measure how often an interval holds the truth: python benchmarks/interval_coverage.py

Draws collections of clusters of very unequal sizes from a population of clusters whose values are
known, and counts how often the 95 % interval of `memorization.evaluation` holds them, beside the
percentile interval of the same replicates. Writes docs/coverage.json and the table in
docs/intervals.md, which explains it; 2,000 repetitions of three sizes take about 15 minutes on two
idle cores, and `--repetitions 200` a tenth of that.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from pages import put

from memorization.evaluation.bootstrap import Bootstrap, Replicated
from memorization.evaluation.intervals import interval
from memorization.evaluation.metrics.event_time import concordance_between
from memorization.evaluation.metrics.ranking import auroc, average_precision
from memorization.evaluation.metrics.sums import Metric, weighted_mean
from memorization.files import write_metrics

# Clusters drawn, so that those with cases are about 8, 15 and 60 in effect.
SIZES = {"8": 32, "15": 62, "60": 260}
LEVEL = 0.95
REPLICATES = 400

# Rows of a cluster: lognormal, of this mean and standard deviation of the logarithm, at most so
# many. The largest of thirty holds a quarter of the rows.
LOG_ROWS, SPREAD, MOST = 2.0, 1.2, 600

# Share of a cluster's rows that are memorized: beta, so that most clusters are nearly all or
# nearly none.
MEMORIZED = (0.35, 0.65)

# Checkpoints of the times.
CHECKPOINTS = 8

# Where the table is, and the metrics' names there.
PAGE = Path("docs/intervals.md")
ROWS = {
    "proportion": "a proportion",
    "auroc": "AUROC",
    "average_precision": "average precision",
    "concordance": "concordance",
    "average_precision_gain": "a paired gain of average precision",
}

# Rows behind the true values: so many collections of so many clusters each.
COLLECTIONS, CLUSTERS = 40, 12_000


@dataclass(frozen=True)
class Sample:
    """Rows of some clusters: who is memorized and when, and what three predictors say.

    Attributes
    ----------
    cluster : int [n]
    truth : bool [n]
    time : int [n], checkpoint at which it is memorized, the last where it is not.
    score, weaker : float [n], of being memorized.
    risk : float [n], higher for an earlier time.
    """

    cluster: np.ndarray
    truth: np.ndarray
    time: np.ndarray
    score: np.ndarray
    weaker: np.ndarray
    risk: np.ndarray


def drawn(clusters: int, rng: np.random.Generator) -> Sample:
    """Return the rows of some clusters of the population.

    The rows of a cluster share how likely they are memorized, how early, and by how much the
    predictors are mistaken.
    """
    rows = np.exp(rng.normal(LOG_ROWS, SPREAD, clusters)).round().clip(1, MOST).astype(np.int64)
    cluster = np.repeat(np.arange(clusters), rows)
    n = len(cluster)
    truth = rng.random(n) < rng.beta(*MEMORIZED, clusters)[cluster]
    shared, late, own = rng.normal(0, 0.7, (2, clusters)), rng.normal(0, 0.7, clusters), rng.normal
    lateness = late[cluster] + own(0, 0.6, n)
    time = (4 + 1.5 * lateness + own(0, 0.7, n)).round().clip(1, CHECKPOINTS).astype(np.int64)
    return Sample(
        cluster=cluster,
        truth=truth,
        time=np.where(truth, time, CHECKPOINTS),
        score=1.2 * truth + shared[0][cluster] + own(0, 0.8, n),
        weaker=0.6 * truth + (0.5 * shared[0] + 0.4 * shared[1])[cluster] + own(0, 0.9, n),
        risk=truth - lateness + 0.5 * shared[0][cluster] + own(0, 0.8, n),
    )


def replicated(sample: Sample, bootstrap: Bootstrap) -> dict[str, Replicated]:
    """Return what is estimated, each with its replicates."""
    truth, weight = sample.truth, np.ones(len(sample.truth))

    def of(metric: Metric, score: np.ndarray) -> Replicated:
        return bootstrap.replicated(metric, truth, score, weight)

    def concordance(truth: np.ndarray, risk: np.ndarray, weight: np.ndarray) -> np.ndarray:
        return pairs(weight)

    pairs = concordance_between(sample.time, truth, sample.risk, sample.cluster)
    precision = of(average_precision, sample.score)
    return {
        "proportion": of(lambda truth, _, weight: weighted_mean(truth, weight), truth),
        "auroc": of(auroc, sample.score),
        "average_precision": precision,
        "concordance": of(concordance, sample.risk),
        "average_precision_gain": precision - of(average_precision, sample.weaker),
    }


def true_values(processes: int) -> dict[str, float]:
    """Return the values in the population, of some millions of rows."""
    with ProcessPoolExecutor(processes) as pool:
        found = list(pool.map(_values, range(COLLECTIONS)))
    return {name: float(np.mean([one[name] for one in found])) for name in found[0]}


def _values(seed: int) -> dict[str, float]:
    """Return the values of one large collection, in which the clusters themselves do not matter."""
    sample = drawn(CLUSTERS, np.random.default_rng([1, seed]))
    none = Bootstrap(np.ones((1, CLUSTERS), np.uint8), sample.cluster, LEVEL)
    return {name: found.value for name, found in replicated(sample, none).items()}


def trial(clusters: int, seed: int) -> dict[str, Any] | None:
    """Return both intervals of one collection of clusters; None where it has not both classes.

    Returns
    -------
    dict
        ``clusters_with_cases``, in effect; name -> (value, (low, high), those of percentiles).
    """
    rng = np.random.default_rng([clusters, seed])
    sample = drawn(clusters, rng)
    if sample.truth.all() or not sample.truth.any():
        return None
    bootstrap = Bootstrap.of(sample.cluster, REPLICATES, LEVEL, rng)
    tails = [(1 - LEVEL) / 2, (1 + LEVEL) / 2]
    found: dict[str, Any] = {}
    for name, own in replicated(sample, bootstrap).items():
        ends = interval(own.value, own.replicates, own.effective, LEVEL, own.scale)
        found[name] = (own.value, ends, np.nanquantile(own.replicates, tails))
    cases = np.bincount(sample.cluster, sample.truth)
    return found | {"clusters_with_cases": cases.sum() ** 2 / (cases**2).sum()}


def coverage(
    clusters: int,
    truth: dict[str, float],
    repetitions: int,
    run: Callable[..., Any] = map,
) -> dict[str, Any]:
    """Return how often intervals of collections of so many clusters hold the true values.

    Parameters
    ----------
    run : calls a function with each of some values, as `map` does.

    Returns
    -------
    dict
        ``clusters``, ``clusters_with_cases`` (in effect, mean), ``repetitions``; name ->
        ``covers`` and ``width`` (median), ``percentile_covers`` and ``percentile_width``, and
        ``bias`` in standard deviations.
    """
    trials = [one for one in run(partial(trial, clusters), range(repetitions)) if one]
    effective = float(np.mean([one["clusters_with_cases"] for one in trials]))
    found: dict[str, Any] = {
        "clusters": clusters,
        "clusters_with_cases": effective,
        "repetitions": len(trials),
    }
    for name, value in truth.items():
        values = np.array([one[name][0] for one in trials])
        found[name] = {"true_value": value, "bias": (values.mean() - value) / values.std()}
        for prefix, place in (("", 1), ("percentile_", 2)):
            ends = np.array([one[name][place] for one in trials], dtype=np.float64)
            inside = (ends[:, 0] <= value) & (value <= ends[:, 1])
            found[name][f"{prefix}covers"] = float(inside.mean())
            found[name][f"{prefix}width"] = float(np.nanmedian(np.diff(ends)))
    return found


def table(found: dict[str, Any]) -> str:
    """Return the coverage as a Markdown table, %: of the intervals, and of percentiles.

    Parameters
    ----------
    found : size -> what `coverage` returns.
    """
    heads = [f"{of['clusters_with_cases']:.0f} in effect" for of in found.values()]
    lines = [["", *heads], ["---", *["--:"] * len(heads)]]
    for metric, name in ROWS.items():
        cells = [
            f"{100 * of[metric]['covers']:.1f} ({100 * of[metric]['percentile_covers']:.1f})"
            for of in found.values()
        ]
        lines.append([name, *cells])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main() -> None:
    """Write the coverage of every size, and put the table in its place."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=2000)
    parser.add_argument("--output", type=Path, default=Path("docs/coverage.json"))
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    truth = true_values(options.processes)
    found = {}
    with ProcessPoolExecutor(options.processes) as pool:
        run = partial(pool.map, chunksize=10)
        for name, clusters in SIZES.items():
            found[name] = coverage(clusters, truth, options.repetitions, run)
            print(table({name: found[name]}), flush=True)
    about = {"level": LEVEL, "replicates": REPLICATES, "effective_clusters": found}
    write_metrics(about, options.output)
    if options.output.parent == PAGE.parent:
        put(PAGE, "coverage", table(found))


if __name__ == "__main__":
    main()
