"""A made-up outcomes table of the arm, without models."""

from dataclasses import replace

import numpy as np
import pandas as pd

from memorization.intensities.clock import planned
from memorization.params import Arm
from memorization.suite.micro.arm import cells, lottery
from memorization.tables import ARM, steps_column, token_column

PARAMS = Arm(
    enabled=True,
    blocks=8,
    blocks_of_largest_dose=4,
    doses=(0, 4, 8, 16, 32, 64, 96, 128, 256),
    contrast_dose=96,
)


def outcomes_table(seed=0, *, effects=None, slope=0.0, blocks=8):
    """Return units whose log-probability rises with the dose, by their own text and schedule.

    ``effects`` are of schedules on the log-probability, ``slope`` that of compressibility.
    """
    rng = np.random.default_rng(seed)
    layout = cells(PARAMS)
    texts = np.arange(blocks * len(layout)).reshape(blocks, -1)
    units = lottery(texts, layout, blocks // 2, rng)
    row, n = units.pop("row").to_numpy(), len(units)
    compressibility = rng.uniform(0.4, 0.8, n)
    level = -3.4 + 0.4 * np.log2(units["dose"] + 1.0) + rng.normal(0, 0.15, n)
    level += slope * (compressibility - 0.6)
    for name, effect in (effects or {}).items():
        level[units["schedule"] == name] += effect
    level = np.minimum(level.to_numpy(), -0.01)
    memorized = level > -0.8
    step = pd.array(np.where(memorized, 100, 0), dtype="Int32")
    step[~memorized] = pd.NA
    table = units.assign(
        tokens=token_column(rng.integers(1, 99, (n, 64))),
        exposure_steps=steps_column(np.repeat(np.arange(n), units["dose"]),
                                    rng.integers(1, 200, units["dose"].sum()), n),
        domain="code",
        window=row,
        surprisal=rng.uniform(2, 5, n),
        exposed_surprisal=rng.uniform(0, 1, n),
        compressibility=compressibility,
        memorized=memorized,
        ever=memorized,
        first_step=step,
        stable_step=step,
        match_length=np.where(memorized, 32, 5).astype(np.int8),
        logprob=level,
    )  # fmt: skip
    return ARM.validate(table)


# Checkpoints of `histories`.
STEPS = 20 * np.arange(1, 11)


def histories(units):
    """Return histories of units of which the memorized are so from half of training on."""
    plan = planned([np.asarray(own) for own in units["exposure_steps"]], STEPS)
    memorized = units["memorized"].to_numpy()[:, None] & (STEPS >= 100)
    return replace(plan, memorized=memorized)


def natural_texts(seed=1, n=4000, clusters=300):
    """Return natural sequences that are memorized where their count is 100 or more."""
    rng = np.random.default_rng(seed)
    count = np.round(2 ** rng.uniform(0, 9, n))
    return pd.DataFrame(
        {
            "count": count,
            "memorized": count >= 100,
            "weight": np.ones(n),
            "cluster": rng.integers(0, clusters, n),
            "exposed_surprisal": rng.uniform(0, 1.5, n),
            "compressibility": rng.uniform(0.2, 0.8, n),
        }
    )
