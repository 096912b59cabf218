"""Are onset and loss estimated right? python benchmarks/intensity_coverage.py

Draws studies as in simulated_studies.py: once looked at from the start and at every checkpoint,
once first looked at late, and once at seven checkpoints only. Counts how often the 95 % interval of
each coefficient of the exposure clock holds it, and its bias. Writes docs/intensity_coverage.json
and the table in docs/intervals.md; 2,000 repetitions take about half an hour on two idle cores,
`--repetitions 200` a tenth of that.
"""

from __future__ import annotations

import argparse
import os
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from pages import put
from simulated_studies import (
    BY_AGE,
    CHECKPOINTS,
    SCENARIOS,
    TRUTH,
    drawn,
    looked_at_late,
)
from threadpoolctl import threadpool_limits

from memorization.files import write_metrics
from memorization.intensities.effects import effects
from memorization.intensities.transitions import AGES, TRANSITIONS

LEVEL = 0.95
TERMS = {
    "seen": "exposures so far",
    "newly_seen": "since the last checkpoint",
    "since_seen": "time since the last",
    "after_5": "5 to 8 checkpoints in the state",
}
PAGE = Path("docs/intervals.md")


def trial(scenario: str, seed: int) -> dict[str, tuple[float, float, float]]:
    """Return transition.term -> value, low and high of one study."""
    rng = np.random.default_rng([list(SCENARIOS).index(scenario), seed])
    c = 7 if scenario == "seven" else CHECKPOINTS
    with threadpool_limits(1):
        study = drawn(rng, c).study
        if scenario == "late":
            study = looked_at_late(study, rng)
        found = effects(study, LEVEL)
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
    put(PAGE, "onset and loss", table(found))


if __name__ == "__main__":
    main()
