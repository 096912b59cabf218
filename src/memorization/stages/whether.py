"""Does a sequence end up memorized?

python -m memorization.stages.whether
"""

from __future__ import annotations

import shutil
from pathlib import Path

from threadpoolctl import threadpool_limits

from memorization.evaluation.bootstrap import Bootstrap
from memorization.features.text import token_bytes
from memorization.files import write_metrics
from memorization.params import load_params, named
from memorization.progress import progress
from memorization.randomness import generator
from memorization.stages import run_stage
from memorization.study import Study
from memorization.suite.read import read_suite
from memorization.tables import IMPORTANCE, WHETHER, write_table
from memorization.whether.analyse import analyse, planned
from memorization.whether.models import MODELS

FOLDER = Path("results/models/whether")


def main() -> None:
    """Write predictions, importance, metrics and models."""
    params = load_params()
    models = named(MODELS, params.whether.models, "whether.models")
    pieces = token_bytes(read_suite("results/suite").tokenizer)
    study = Study.read("results", params.seed, pieces=pieces)
    bootstrap = Bootstrap.of(
        study.cluster,
        params.bootstrap.replicates,
        params.bootstrap.level,
        generator(params.seed, "whether"),
    )
    with (
        # One thread a process: the bits of a sum depend on their number.
        threadpool_limits(1),
        progress("whether", len(planned(study, models)), "models") as advance,
    ):
        found = analyse(study, models, bootstrap, advance, params.threads)
    write_table(found.predictions, "results/predictions/whether.parquet", WHETHER)
    write_table(found.importance, "results/predictions/importance.parquet", IMPORTANCE)
    # Models of an earlier run, of other names, would stay otherwise.
    shutil.rmtree(FOLDER, ignore_errors=True)
    for (tier, name), model in found.fitted.items():
        model.save(FOLDER / f"{tier}-{name}{model.suffix}")
    write_metrics(found.metrics, "results/metrics/whether.json")


if __name__ == "__main__":
    run_stage(main)
