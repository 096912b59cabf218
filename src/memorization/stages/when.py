"""At which checkpoint is each sequence memorized?

python -m memorization.stages.when
"""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from memorization.errors import UserError
from memorization.evaluation.bootstrap import Bootstrap
from memorization.files import read_json, write_metrics
from memorization.labels.trajectories import Trajectories
from memorization.params import load_params, named
from memorization.progress import progress
from memorization.randomness import generator
from memorization.stages import run_stage
from memorization.strata import finest_count
from memorization.study import read_followed
from memorization.study.histories import rows_of
from memorization.tables import SEQUENCES, WHEN, empty_table, read_table, write_table
from memorization.when.analyse import analyse, not_done, planned
from memorization.when.landmarks import landmarks, remaining
from memorization.when.models import MODELS

FOLDER = Path("results/models/when")


def main() -> None:
    """Cross-fit the survival models, score them, and keep those fitted to all rows.

    Where there are no times, or too few events, that is written down instead, and the pipeline
    goes on.
    """
    params = load_params()
    models = named(MODELS, params.when.models, "when.models")
    study = read_followed("results", params.seed, params.when.event)
    times = read_json(Path("results/metrics/labels.json"))["times"]
    predictions, fitted = empty_table(WHEN), {}
    reason = not_done(times, study)
    if reason is not None:
        print(f"when: not done: {reason}", flush=True)
        metrics = {"done": False, "reason": reason, "cost": times["cost"]}
    else:
        runs, absent = planned(study, models)
        for name, need in absent.items():
            print(f"when: '{name}' is left out: it needs {need}", flush=True)
        if all(run.model.is_baseline for run in runs):
            lacking = "; ".join(f"'{name}' needs {need}" for name, need in absent.items())
            raise UserError(
                f"when.models: only baselines can be fitted here: {lacking}; list a model that "
                "needs nothing of it, such as logistic"
            )
        bootstrap = Bootstrap.of(
            study.cluster,
            params.bootstrap.replicates,
            params.bootstrap.level,
            generator(params.seed, "when"),
        )
        with (
            # One thread a process: the bits of a sum depend on their number.
            threadpool_limits(1),
            progress("when", len(runs), "models") as advance,
        ):
            found = analyse(study, models, bootstrap, advance, params.threads)
        predictions, fitted = found.predictions, found.fitted
        strata = finest_count(study.features.columns)
        about = {"done": True, "event": params.when.event, "strata": strata}
        metrics = about | found.metrics
        metrics["landmarks"] = landmarks(study, *_observed(study.index), bootstrap, params.threads)
        metrics["remaining"] = remaining(study, bootstrap, params.threads)
    # Models of an earlier run, of other names, would stay otherwise.
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    for (tier, name), model in fitted.items():
        model.save(FOLDER / f"{tier}-{name}{model.suffix}")
    write_table(predictions, "results/predictions/when.parquet", WHEN)
    write_metrics(metrics, "results/metrics/when.json")


def _observed(index: np.ndarray) -> tuple[Trajectories, np.ndarray]:
    """Return the trajectories of some sequences, and the steps in which they are trained on."""
    trajectories = Trajectories.read("results/trajectories.npz")
    sequences = read_table("results/sequences.parquet", SEQUENCES).set_index("index")
    return rows_of(trajectories, index), sequences.loc[index, "step"].to_numpy()


if __name__ == "__main__":
    run_stage(main)
