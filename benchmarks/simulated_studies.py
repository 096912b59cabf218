"""Studies whose chances of onset and loss are known, to judge by what is estimated from them.

Schedules of exposure are like the real ones, texts come in clusters of very unequal sizes (copies
of one text share its whole history), and the sample is drawn by exposure and weighted.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.special import expit

from memorization.intensities.clock import clock
from memorization.intensities.transitions import AGES, age_of
from memorization.study import Histories, Study

# How a study is looked at.
SCENARIOS = {
    "every": "every checkpoint",
    "late": "first looked at late",
    "seven": "seven checkpoints",
}
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


@dataclass(frozen=True)
class Simulated:
    """A study, looked at from the start, and what it was drawn from.

    Attributes
    ----------
    study : of n rows at c checkpoints.
    chances : transition -> its true chance at each checkpoint by time in the state, float64
        [n, c, ages], as `memorization.intensities.intensities.Intensities.chances` has them.
    """

    study: Study
    chances: dict[str, np.ndarray]


def drawn(
    rng: np.random.Generator,
    c: int,
    features: pd.DataFrame | None = None,
    effect: dict[str, np.ndarray] | None = None,
) -> Simulated:
    """Return a study of some of `CLUSTERS` texts at c checkpoints.

    Parameters
    ----------
    features : a row for each of the texts; None: nothing is known of them.
    effect : transition -> what a text adds to its log-odds, float [CLUSTERS]; None: nothing.
    """
    total = np.exp(rng.uniform(0, np.log(250), CLUSTERS))
    # Seen evenly, or mostly in one part of training.
    place = rng.random((CLUSTERS, 1))
    burst = np.exp(-((np.linspace(0, 1, c) - place) ** 2) / rng.uniform(0.01, 2, (CLUSTERS, 1)))
    new = rng.poisson(total[:, None] * burst / burst.sum(axis=1, keepdims=True))
    seen, steps = np.cumsum(new, axis=1), 10 * np.arange(1, c + 1)
    own = chances(seen, steps, effect)
    memorized = states(own, rng)
    rows = rng.geometric(1 / MEAN_ROWS, CLUSTERS)
    band = np.digitize(total, (5, 50))
    kept = rng.random(CLUSTERS) < np.array(SAMPLED)[band]
    cluster = np.repeat(np.flatnonzero(kept), rows[kept])
    n = len(cluster)
    known = pd.DataFrame(index=range(CLUSTERS)) if features is None else features
    study = Study(
        index=np.arange(n),
        features=known.iloc[cluster].reset_index(drop=True),
        truth=memorized[cluster, -1],
        weight=1 / np.array(SAMPLED)[band[cluster]],
        splits=pd.DataFrame({"cluster": cluster, "fold": cluster % 5}),
        steps=steps,
        histories=Histories(memorized[cluster], np.ones((n, c), bool), steps, seen[cluster]),
    )
    return Simulated(study, {name: chance[cluster] for name, chance in own.items()})


def chances(
    seen: np.ndarray, steps: np.ndarray, effect: dict[str, np.ndarray] | None = None
) -> dict[str, np.ndarray]:
    """Return transition -> its true chance, float64 [n, c, ages], of exposures so far, int [n, c].

    Parameters
    ----------
    effect : transition -> what a text adds to the log-odds, float [n]; None: nothing.
    """
    nothing = np.zeros(seen.shape, bool)
    own = clock(Histories(nothing, ~nothing, steps, seen))
    found = {}
    for name, truth in TRUTH.items():
        log_odds = truth["intercept"] + sum(
            truth[term] * own[term] for term in ("seen", "newly_seen", "since_seen")
        )
        if effect is not None:
            log_odds = log_odds + effect[name][:, None]
        ages = np.zeros(1) if name == "first" else BY_AGE * np.arange(len(AGES))
        found[name] = expit(log_odds[:, :, None] + ages)
    return found


def states(chances: dict[str, np.ndarray], rng: np.random.Generator) -> np.ndarray:
    """Return states, bool [n, c], drawn checkpoint by checkpoint."""
    n, c, _ = chances["first"].shape
    # States: 0 never memorized, 1 no longer, 2 memorized, in the order of the transitions.
    state, since = np.zeros(n, np.int64), np.ones(n, np.int64)
    memorized, row = np.zeros((n, c), bool), np.arange(n)
    for at in range(c):
        age = age_of(since)
        again, loss = (chances[name][row, at, age] for name in ("again", "loss"))
        chance = np.choose(state, [chances["first"][:, at, 0], again, loss])
        moves = rng.random(n) < chance
        state = np.where(moves, np.where(state == 2, 1, 2), state)
        since = np.where(moves, 1, since + 1)
        memorized[:, at] = state == 2
    return memorized


def looked_at_late(study: Study, rng: np.random.Generator) -> Study:
    """Return a study half of whose texts are first looked at in the first half of training."""
    histories = study.known_histories
    c = len(histories.steps)
    _, member = np.unique(study.cluster, return_inverse=True)
    clusters = int(member.max()) + 1
    first = np.where(rng.random(clusters) < 0.5, rng.integers(1, c // 2, clusters), 0)
    observed = np.arange(c) >= first[member][:, None]
    own = Histories(histories.memorized & observed, observed, histories.steps, histories.seen)
    return replace(study, histories=own)
