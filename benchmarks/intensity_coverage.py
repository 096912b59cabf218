"""Are onset and loss estimated right? python benchmarks/intensity_coverage.py

Draws studies whose chances of onset and loss are known: schedules of exposure like the real ones,
texts that come in clusters of very unequal sizes (copies of one text share its whole history), a
sample that is drawn by exposure and weighted, and the grid of checkpoints; once looked at from the
start and at every checkpoint, once first looked at late, and once at seven checkpoints only. Counts
how often the 95 % interval of each coefficient of the exposure clock holds it, and its bias. Writes
docs/intensity_coverage.json and the table in docs/intervals.md; 2,000 repetitions take about half
an hour on two idle cores, `--repetitions 200` a tenth of that.
"""

from __future__ import annotations

import argparse
import os
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit
from threadpoolctl import threadpool_limits

from memorization.files import write_metrics
from memorization.intensities.clock import clock
from memorization.intensities.effects import effects
from memorization.intensities.transitions import AGES, TRANSITIONS, age_of
from memorization.study import Histories, Study

LEVEL = 0.95
CLUSTERS, CHECKPOINTS = 320, 40
# Rows of a cluster: geometric, so that a few hold much.
MEAN_ROWS = 3.0
# Log-odds: before any exposure, and a doubling of each term of the clock.
TRUTH = {
    "first": {"intercept": -6.0, "seen": 0.9, "newly_seen": 0.5, "since_seen": -0.3},
    "again": {"intercept": -2.0, "seen": 0.2, "newly_seen": 0.5, "since_seen": -0.3},
    "loss": {"intercept": 0.5, "seen": -0.3, "newly_seen": -0.3, "since_seen": 0.3},
}
# Log-odds to leave a state, at each step of `AGES`.
BY_AGE = -0.4
# Share of the texts of few, some and many exposures that are studied.
SAMPLED = (0.2, 0.6, 0.9)
SCENARIOS = {
    "every": "every checkpoint",
    "late": "first looked at late",
    "seven": "seven checkpoints",
}
TERMS = {
    "seen": "exposures so far",
    "newly_seen": "since the last checkpoint",
    "since_seen": "time since the last",
    "after_5": "5 to 8 checkpoints in the state",
}
PAGE = Path("docs/intervals.md")


def drawn(rng: np.random.Generator, c: int) -> Study:
    """Return a study of some clusters, looked at from the start."""
    total = np.exp(rng.uniform(0, np.log(250), CLUSTERS))
    # Seen evenly, or mostly in one part of training.
    place = rng.random((CLUSTERS, 1))
    burst = np.exp(-((np.linspace(0, 1, c) - place) ** 2) / rng.uniform(0.01, 2, (CLUSTERS, 1)))
    new = rng.poisson(total[:, None] * burst / burst.sum(axis=1, keepdims=True))
    seen, steps = np.cumsum(new, axis=1), 10 * np.arange(1, c + 1)
    memorized = states(seen, steps, rng)
    rows = rng.geometric(1 / MEAN_ROWS, CLUSTERS)
    band = np.digitize(total, (5, 50))
    kept = rng.random(CLUSTERS) < np.array(SAMPLED)[band]
    cluster = np.repeat(np.flatnonzero(kept), rows[kept])
    n = len(cluster)
    return Study(
        index=np.arange(n),
        features=pd.DataFrame(index=range(n)),
        truth=memorized[cluster, -1],
        weight=1 / np.array(SAMPLED)[band[cluster]],
        splits=pd.DataFrame({"cluster": cluster, "fold": cluster % 5}),
        steps=steps,
        histories=Histories(memorized[cluster], np.ones((n, c), bool), steps, seen[cluster]),
    )


def states(seen: np.ndarray, steps: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return states, bool [n, c], drawn checkpoint by checkpoint."""
    nothing = np.zeros(seen.shape, bool)
    own = clock(Histories(nothing, ~nothing, steps, seen))
    log_odds = np.stack(
        [
            truth["intercept"]
            + sum(truth[term] * own[term] for term in ("seen", "newly_seen", "since_seen"))
            for truth in TRUTH.values()
        ]
    )
    n, c = seen.shape
    memorized, state, since = nothing.copy(), np.zeros(n, np.int64), np.ones(n, np.int64)
    # States: 0 never memorized, 1 no longer, 2 memorized, in the order of the transitions.
    for at in range(c):
        age = np.where(state > 0, BY_AGE * age_of(since), 0.0)
        moves = rng.random(n) < expit(log_odds[state, np.arange(n), at] + age)
        state = np.where(moves, np.where(state == 2, 1, 2), state)
        since = np.where(moves, 1, since + 1)
        memorized[:, at] = state == 2
    return memorized


def looked_at(study: Study, scenario: str, rng: np.random.Generator) -> Study:
    """Return the study as the scenario sees it."""
    histories = study.known_histories
    c = len(histories.steps)
    if scenario == "late":
        # Half of the texts are first looked at somewhere in the first half of training.
        _, member = np.unique(study.cluster, return_inverse=True)
        clusters = int(member.max()) + 1
        first = np.where(rng.random(clusters) < 0.5, rng.integers(1, c // 2, clusters), 0)
        observed = np.arange(c) >= first[member][:, None]
        own = Histories(histories.memorized & observed, observed, histories.steps, histories.seen)
        return Study(**{**vars(study), "histories": own})
    return study


def trial(scenario: str, seed: int) -> dict[str, tuple[float, float, float]]:
    """Return transition.term -> value, low and high of one study."""
    rng = np.random.default_rng([list(SCENARIOS).index(scenario), seed])
    c = 7 if scenario == "seven" else CHECKPOINTS
    with threadpool_limits(1):
        found = effects(looked_at(drawn(rng, c), scenario, rng), LEVEL)
    return {
        f"{name}.{term}": (of["value"], of["low"], of["high"])
        for name, own in found.items()
        for term, of in own["log_odds"].items()
        if term in TERMS
    } | {f"{name}.effective": (own["effective_events"],) * 3 for name, own in found.items()}


def true_value(name: str) -> float:
    """Return the coefficient that the states were drawn with."""
    transition, _, term = name.partition(".")
    if term.startswith("after_"):
        return BY_AGE * int(np.flatnonzero(int(term.removeprefix("after_")) == AGES)[0])
    return TRUTH[transition][term]


def summary(trials: list[dict[str, tuple[float, float, float]]]) -> dict[str, Any]:
    """Return coverage, bias in standard deviations and the number of studies, by coefficient."""
    found: dict[str, Any] = {}
    for transition in TRANSITIONS:
        effective = [trial[f"{transition}.effective"][0] for trial in trials
                     if f"{transition}.effective" in trial]  # fmt: skip
        found[f"{transition}.effective_events"] = float(np.mean(effective)) if effective else None
        for term in TERMS:
            name = f"{transition}.{term}"
            own = np.array([trial[name] for trial in trials if name in trial])
            if len(own) < len(trials) / 2:
                continue
            value, low, high = own.T
            truth = true_value(name)
            # A study in which a coefficient runs away has no mean; the median bears it.
            found[name] = {
                "true_value": truth,
                "covers": float(np.mean((low <= truth) & (truth <= high))),
                "bias_in_sd": float((np.median(value) - truth) / _spread(value)),
                "sd": _spread(value),
                "studies": len(own),
            }
    return found


def _spread(values: np.ndarray) -> float:
    low, high = np.quantile(values, [0.1587, 0.8413])
    return float((high - low) / 2)


def table(found: dict[str, Any]) -> str:
    """Return coverage (and bias) of each coefficient, a row each, in Markdown."""
    lines = [f"|  | {' | '.join(SCENARIOS.values())} |", "| --- |" + " --: |" * len(SCENARIOS)]
    for transition in TRANSITIONS:
        for term, text in TERMS.items():
            name = f"{transition}.{term}"
            own = [found[scenario].get(name) for scenario in SCENARIOS]
            if any(own):
                cells = [
                    f"{100 * of['covers']:.1f} ({of['bias_in_sd']:+.2f})" if of else "—"
                    for of in own
                ]
                lines.append(f"| {transition}: {text} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Run the scenarios, and write the numbers and the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repetitions", type=int, default=2000)
    arguments = parser.parse_args()
    found: dict[str, Any] = {}
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        for scenario in SCENARIOS:
            seeds = range(arguments.repetitions)
            trials = list(pool.map(partial(trial, scenario), seeds, chunksize=10))
            found[scenario] = summary(trials)
            print(scenario, flush=True)
    write_metrics(
        {"level": LEVEL, "repetitions": arguments.repetitions, **found},
        Path("docs/intensity_coverage.json"),
    )
    page = PAGE.read_text(encoding="utf-8")
    first, last = "<!-- onset and loss -->\n", "<!-- end of onset and loss -->"
    before, after = page.index(first) + len(first), page.index(last)
    page = f"{page[:before]}\n{table(found)}\n\n{page[after:]}"
    PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
