"""Does it hold for a real model, Pythia, by labels of others?

python -m memorization.stages.external

Reads external/mempi.parquet, a table without text; see external/README.md.
"""

from __future__ import annotations

from pathlib import Path

from threadpoolctl import threadpool_limits

from memorization.association.univariate import univariate
from memorization.evaluation.bootstrap import Bootstrap
from memorization.files import write_metrics
from memorization.params import load_params
from memorization.progress import progress
from memorization.randomness import generator
from memorization.stages import run_stage
from memorization.tables import ASSOCIATION, read_table, write_table
from memorization.validation.analyse import MODELS, PLAIN, out_of_fold, validate
from memorization.validation.external import compared, read_external, transferred
from memorization.whether.models import MODELS as CLASSIFIERS
from memorization.whether.models.classifier import Classifier

TABLE = Path("external/mempi.parquet")
FITTED = Path("results/models/whether")


def main() -> None:
    """Write the scores, and every feature alone beside what it is worth in this study."""
    params = load_params()
    external = read_external(TABLE)
    # The models of the text tier that this study has fitted, applied as they are.
    fitted = {
        name: model.load(path)
        for name, model in CLASSIFIERS.items()
        if issubclass(model, Classifier) and (path := FITTED / f"text-{name}.skops").exists()
    }
    found = {"about": external.about}
    total = 2 * len(MODELS) * len(external.studies)
    with threadpool_limits(1), progress("external", total, "models") as advance:
        for way, study in external.studies.items():
            bootstrap = Bootstrap.of(
                study.cluster,
                params.bootstrap.replicates,
                params.bootstrap.level,
                generator(params.seed, f"external/{way}"),
            )
            odds = out_of_fold(study, advance, external.stored[way])
            found[way] = validate(study, odds, bootstrap) | external.told[way]
            if way == PLAIN:
                alone = univariate(study, bootstrap, processes=params.threads)
                # One that reads text and was not fitted is told as none.
                reading = [n for n, m in CLASSIFIERS.items() if "text" in m.columns({"text": ()})]
                found["transfer"] = dict.fromkeys(reading) | transferred(study, fitted, bootstrap)
    own = read_table("results/predictions/association.parquet", ASSOCIATION)
    found["features"] = compared(own, alone)
    write_table(alone, "results/predictions/external.parquet", ASSOCIATION)
    write_metrics(found, "results/metrics/external.json")


if __name__ == "__main__":
    run_stage(main)
