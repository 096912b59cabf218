"""What does repetition do, when a lottery decides it?

python -m memorization.stages.arm
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from memorization.arm.analyse import analyse
from memorization.arm.natural import natural_texts
from memorization.arm.outcomes import outcomes, text_of
from memorization.errors import run
from memorization.extraction.batches import batch_on
from memorization.files import write_metrics
from memorization.labels.checkpoints import models_on_disk
from memorization.labels.make import scan_inputs
from memorization.labels.scan import scan
from memorization.labels.trajectories import Trajectories
from memorization.params import Params, load_params
from memorization.randomness import generator
from memorization.resume import keep, work_folder
from memorization.suite import Suite
from memorization.suite.device import choose_device
from memorization.suite.micro.suite import MicroSuite
from memorization.suite.read import read_suite
from memorization.tables import ARM, empty_table, token_matrix, write_table


def main() -> None:
    """Scan the units at every checkpoint, and analyse what became of them.

    Where there is no arm, that is written down instead, and the pipeline goes on.
    """
    params = load_params()
    torch.set_num_threads(params.threads)
    suite = read_suite("results/suite")
    units = suite.arm if isinstance(suite, MicroSuite) else None
    table, trajectories = empty_table(ARM), nothing(suite.steps)
    if not isinstance(suite, MicroSuite) or units is None:
        reason = "the suite has no randomised arm (arm.enabled, micro only)"
        print(f"arm: not done: {reason}", flush=True)
        metrics: dict[str, Any] = {"done": False, "reason": reason}
    else:
        trajectories = scanned(params, suite, units)
        table = outcomes(units, trajectories, text_of(units, suite))
        metrics = {"done": True, "target": params.target, "pool": suite.arm_pool}
        metrics |= analyse(
            table,
            natural_texts(Path("results")),
            params.arm.contrast_dose,
            params.bootstrap.level,
            generator(params.seed, "arm analysis"),
        )
    write_table(table, "results/arm.parquet", ARM)
    trajectories.write("results/arm_trajectories.npz")
    write_metrics(metrics, "results/metrics/arm.json")


def nothing(steps: tuple[int, ...]) -> Trajectories:
    """Return the trajectories of no sequences."""
    empty = np.empty((0, len(steps)))
    return Trajectories(
        np.empty(0, np.int64),
        np.array(steps),
        empty.astype(np.int8),
        empty.astype(np.float32),
        empty.astype(bool),
    )


def scanned(params: Params, suite: Suite, units: pd.DataFrame) -> Trajectories:
    """Return the target's trajectories on the units at every checkpoint, by ``unit``."""
    device, unit = choose_device(params.device), units["unit"].to_numpy()
    tokens = token_matrix(units["tokens"])
    work = work_folder("arm", scan_inputs(params, suite, unit, tokens, device))
    found = scan(
        unit,
        tokens,
        suite.steps,
        models_on_disk(suite, params.target),
        batch_on(device, params.batch),
        work,
        device,
        job=f"scanning the arm with {params.target}",
    )
    keep(work)
    return found


if __name__ == "__main__":
    run(main)
