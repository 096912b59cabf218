"""What does repetition do, when a lottery decides it?

python -m memorization.stages.arm
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from memorization.arm.analyse import analyse
from memorization.arm.forecasts import forecast_table, forecasts
from memorization.arm.gap import natural_texts
from memorization.arm.onset import histories_of
from memorization.arm.outcomes import outcomes, text_of
from memorization.files import write_metrics
from memorization.labels.trajectories import Trajectories
from memorization.params import load_params
from memorization.randomness import generator
from memorization.stages import run_stage
from memorization.strata import CONTINUATIONS
from memorization.study import read_followed
from memorization.suite.micro.suite import MicroSuite
from memorization.suite.read import read_suite
from memorization.tables import ARM, ARM_FORECASTS, empty_table, write_table


def main() -> None:
    """Analyse what became of the units.

    Where there is no arm, that is written down instead, and the pipeline goes on.
    """
    params, results = load_params(), Path("results")
    suite = read_suite("results/suite")
    units = suite.arm if isinstance(suite, MicroSuite) else None
    table, found = empty_table(ARM), {}
    if not isinstance(suite, MicroSuite) or units is None:
        reason = "the suite has no randomised arm (arm.enabled, micro only)"
        print(f"arm: not done: {reason}", flush=True)
        metrics: dict[str, Any] = {"done": False, "reason": reason}
    else:
        trajectories = Trajectories.read_arm("results/trajectories.npz")
        table = outcomes(units, trajectories, text_of(units, suite))
        histories = histories_of(table, trajectories)
        followed = read_followed(results, params.seed, params.when.event)
        found = forecasts(results, followed, units, suite, histories)
        metrics = {"done": True, "target": params.target, "pool": suite.arm_pool}
        metrics |= analyse(
            table,
            histories,
            natural_texts(results),
            followed if CONTINUATIONS in followed.features else None,
            found,
            params.arm.contrast_dose,
            params.bootstrap.level,
            generator(params.seed, "arm analysis"),
        )
    write_table(table, "results/arm.parquet", ARM)
    predictions = forecast_table(table, found)
    write_table(predictions, "results/predictions/arm.parquet", ARM_FORECASTS)
    write_metrics(metrics, "results/metrics/arm.json")


if __name__ == "__main__":
    run_stage(main)
