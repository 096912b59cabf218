"""Which model memorizes most a minute? python benchmarks/memorizers.py

Trains the target of params.yaml on the windows of results/suite, in their order, once with each of
several batches, learning rates and depths, and labels the whole population at the end. Each setting
sees every window once, so that how often a text is repeated is the corpus' alone. Writes
docs/memorizers.json and the table in docs/performance.md; 45 minutes on two idle cores.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pages import put
from training import our_loop

from memorization.evaluation.intervals import kish
from memorization.extraction.score import memorized
from memorization.files import write_metrics
from memorization.params import Params, load_params
from memorization.strata import CONTINUATIONS, STRATA, stratum_of
from memorization.suite.micro.suite import MicroSuite
from memorization.suite.micro.train import new_model
from memorization.suite.read import read_suite
from memorization.tables import FEATURES, SPLITS, read_table

RESULTS = Path("results")
PAGE, FOUND = Path("docs/performance.md"), Path("docs/memorizers.json")


@dataclass(frozen=True)
class Setting:
    """What is varied: windows a step, the peak of the learning rate, layers."""

    batch: int
    rate: float
    layers: int


SETTINGS = (
    Setting(16, 0.003, 3),
    Setting(16, 0.002, 3),
    Setting(16, 0.004, 3),
    Setting(32, 0.004, 3),
    Setting(8, 0.002, 3),
    Setting(4, 0.002, 3),
    Setting(16, 0.003, 2),
    Setting(16, 0.003, 4),
)


def trained(setting: Setting, params: Params, suite: MicroSuite) -> tuple[np.ndarray, float]:
    """Return whether each natural window is memorized at the end, and the minutes of training."""
    shape = params.suite.models[params.target].model_copy(update={"layers": setting.layers})
    model = new_model(shape, params.suite.vocabulary, params.suite.window, params.seed)
    training = params.suite.training.model_copy(
        update={"sequences_per_step": setting.batch, "learning_rate": setting.rate}
    )
    start = time.perf_counter()
    our_loop(model, suite.windows, training)
    minutes = (time.perf_counter() - start) / 60
    model.eval()
    return memorized(model, suite.tokens(suite.population_index), params.batch), minutes


def summary(
    is_memorized: np.ndarray, minutes: float, count: np.ndarray, cluster: np.ndarray
) -> dict[str, Any]:
    """Return how many are memorized, in how many texts, and which share by count.

    Parameters
    ----------
    is_memorized : bool [n]
    minutes : of training.
    count : of the continuation, [n].
    cluster : int [n]
    """
    stratum = stratum_of(count)
    cases = np.bincount(cluster[is_memorized]).astype(np.float64)
    return {
        "minutes": minutes,
        "memorized": int(is_memorized.sum()),
        "effective_clusters": float(kish(cases)),
        "share": {
            name: float(is_memorized[stratum == place].mean()) for place, name in enumerate(STRATA)
        },
    }


def table(found: list[dict[str, Any]]) -> str:
    """Return a row for each setting, in Markdown.

    >>> own = {"batch": 16, "rate": 0.003, "layers": 3, "minutes": 4.0, "memorized": 5000,
    ...        "effective_clusters": 80.2, "share": {"5-19": 0.125, "20-49": 0.5, "50-99": 0.9}}
    >>> print(table([own]).splitlines()[-1])
    | 16 | .003 | 3 | 5,000 | 80 | 12% | 50% | 90% | 4.0 | 1,250 |
    """
    lines = [
        "| windows a step | rate | layers | memorized | texts in effect | of 5-19 | of 20-49 | of "
        "50-99 | minutes | memorized a minute |",
        "| --: " * 10 + "|",
    ]
    for own in found:
        shares = " | ".join(f"{own['share'][name]:.0%}" for name in ("5-19", "20-49", "50-99"))
        rate = f"{own['rate']:.3f}".lstrip("0")
        lines.append(
            f"| {own['batch']} | {rate} | {own['layers']} | {own['memorized']:,} | "
            f"{own['effective_clusters']:.0f} | {shares} | {own['minutes']:.1f} | "
            f"{own['memorized'] / own['minutes']:,.0f} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Try every setting, and write the numbers and the table."""
    params = load_params()
    torch.set_num_threads(params.threads)
    suite = read_suite(RESULTS / "suite")
    assert isinstance(suite, MicroSuite)
    features = read_table(RESULTS / "features.parquet", FEATURES).set_index("index")
    splits = read_table(RESULTS / "splits.parquet", SPLITS).set_index("index")
    count = features[CONTINUATIONS].loc[suite.population_index].to_numpy()
    cluster = splits["cluster"].loc[suite.population_index].to_numpy()
    found = []
    for setting in SETTINGS:
        own = summary(*trained(setting, params, suite), count, cluster)
        found.append(vars(setting) | own)
        print(table(found).splitlines()[-1], flush=True)
        write_metrics({"settings": found}, FOUND)
    put(PAGE, "memorizers", table(found))


if __name__ == "__main__":
    main()
