"""Trajectories drawn from known chances of onset and loss."""

import numpy as np
import pandas as pd
from scipy.special import expit

from memorization.intensities.clock import clock
from memorization.intensities.transitions import AGES, age_of
from memorization.study import Histories, Study

# Log-odds of each transition: intercept, a doubling of exposures so far, of the time since the
# last, and of a standardised feature of the text; longer in a state, less likely to leave it.
TRUTH = {
    "first": {"intercept": -5.0, "seen": 0.8, "since_seen": -0.4, "text": 0.5},
    "again": {"intercept": -2.5, "seen": 0.4, "since_seen": -0.3, "text": 0.3},
    "loss": {"intercept": 0.5, "seen": -0.4, "since_seen": 0.2, "text": -0.3},
}
BY_AGE = -0.3
N_TIMES = 30


def chances(seen, text, steps):
    """Return transition -> its true chance, float [n, c, ages], as `Intensities.chances`."""
    never = np.zeros(seen.shape, bool)
    own = clock(Histories(never, ~never, steps, seen))
    found = {}
    for name, truth in TRUTH.items():
        moving = truth["seen"] * own["seen"] + truth["since_seen"] * own["since_seen"]
        log_odds = truth["intercept"] + moving + truth["text"] * text[:, None]
        ages = np.zeros(1) if name == "first" else BY_AGE * np.arange(len(AGES))
        found[name] = expit(log_odds[:, :, None] + ages)
    return found


def drawn(own, rng):
    """Return states, bool [n, c], drawn from chances of each transition."""
    n, c, _ = own["first"].shape
    memorized = np.zeros((n, c), bool)
    now, ever, since = np.zeros(n, bool), np.zeros(n, bool), np.zeros(n, int)
    row = np.arange(n)
    for at in range(c):
        age = age_of(np.maximum(since, 1))
        again, loss = (own[name][row, at, age] for name in ("again", "loss"))
        chance = np.where(now, loss, np.where(ever, again, own["first"][:, at, 0]))
        moves = rng.random(n) < chance
        since = np.where(moves, 1, since + 1)
        now = now ^ moves
        ever |= now
        memorized[:, at] = now
    return memorized


def made_up_study(n, seed, c=N_TIMES):
    """Return a study of n texts in clusters of unequal size, and its true chances."""
    rng = np.random.default_rng(seed)
    total = np.exp(rng.uniform(0, np.log(200), n))
    new = rng.poisson(total[:, None] / c, (n, c))
    seen, steps = np.cumsum(new, axis=1), 10 * np.arange(1, c + 1)
    text = rng.normal(size=n)
    own = chances(seen, text, steps)
    memorized = drawn(own, rng)
    cluster = np.sort(rng.integers(0, n // 3, n) ** 2 // (n // 3))
    study = Study(
        index=np.arange(n),
        features=pd.DataFrame(
            {"surprisal.mean": text, "duplication.continuation_count": seen[:, -1]}
        ),
        truth=memorized[:, -1],
        weight=rng.choice([1.0, 2.0, 5.0], n),
        splits=pd.DataFrame({"cluster": cluster, "fold": cluster % 5}),
        steps=steps,
        histories=Histories(memorized, np.ones((n, c), bool), steps, seen),
    )
    return study, own
