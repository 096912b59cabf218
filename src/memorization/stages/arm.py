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
from memorization.arm.runs import compare_runs
from memorization.files import write_metrics
from memorization.labels.trajectories import Trajectories, read_runs
from memorization.params import load_params
from memorization.randomness import generator
from memorization.stages import run_stage
from memorization.strata import CONTINUATIONS
from memorization.study import read_followed
from memorization.suite.inserted.suite import InsertedSuite
from memorization.suite.micro.suite import MicroSuite
from memorization.suite.read import read_suite
from memorization.tables import ARM, ARM_FORECASTS, empty_table, write_table


def main() -> None:
    """Analyse what became of the units.

    Where there is no arm, that is written down instead, and the pipeline goes on.
    """
    params, results = load_params(), Path("results")
    suite = read_suite("results/suite")
    units = suite.arm if isinstance(suite, MicroSuite | InsertedSuite) else None
    table, found = empty_table(ARM), {}
    if not isinstance(suite, MicroSuite | InsertedSuite) or units is None:
        reason = "the target has no randomised arm (of micro, arm.enabled gives it one)"
        print(f"arm: not done: {reason}", flush=True)
        metrics: dict[str, Any] = {"done": False, "reason": reason}
    else:
        trajectories = Trajectories.read_arm("results/trajectories.npz")
        units = units[units["unit"].isin(trajectories.index)].reset_index(drop=True)
        table = outcomes(units, trajectories, text_of(units, suite))
        histories = histories_of(table, trajectories)
        followed, natural = None, None
        # Where the units are all that there is, there are no other texts to compare them with.
        if isinstance(suite, MicroSuite):
            followed = read_followed(results, params.seed, params.when.event)
            found = forecasts(results, followed, units, suite, histories)
            natural = natural_texts(results)
            followed = followed if CONTINUATIONS in followed.features else None
        metrics = {"done": True, "target": params.target, "pool": suite.arm_pool}
        metrics |= analyse(
            table,
            histories,
            natural,
            followed,
            found,
            params.arm.contrast_dose,
            params.bootstrap.level,
            generator(params.seed, "arm analysis"),
        )
        if isinstance(suite, InsertedSuite):
            dose, runs = units["dose"].to_numpy(), read_runs("results/trajectories.npz")
            metrics["runs"] = compare_runs(dose, runs, params.target, params.bootstrap.level)
    write_table(table, "results/arm.parquet", ARM)
    predictions = forecast_table(table, found)
    write_table(predictions, "results/predictions/arm.parquet", ARM_FORECASTS)
    write_metrics(metrics, "results/metrics/arm.json")


if __name__ == "__main__":
    run_stage(main)
