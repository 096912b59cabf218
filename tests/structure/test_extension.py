"""A new feature, model, metric, figure or table is one new file, and a line where they are listed.

In a copy of the package each is added so, and comes out at the end of the pipeline.
"""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from miniature_study import POPULATION, sample, trajectories, write_study
from report.conftest import write_study as write_made_up_results

from memorization import tables
from memorization.files import write_metrics
from memorization.labels.events import event_times
from memorization.params import load_params
from memorization.sources import PACKAGE

PARAMS = Path(__file__).parents[2] / "params.yaml"


@dataclass(frozen=True)
class Extension:
    """A new file and the lines of a registry that are added: old line -> the one after it."""

    file: str
    text: str
    registry: str
    lines: dict[str, str]


EXTENSIONS = (
    Extension(
        "features/parity.py",
        """from memorization.features.family import Family, declare

FAMILY = Family(
    "parity",
    declare("text", "one look", [("even", "+", "Odd ones are forgotten.", "this work")]),
    lambda inputs: {"even": 1.0 - inputs.tokens[:, 0] % 2},
)
""",
        "features/registry.py",
        {'    "position",\n': '    "parity",\n'},
    ),
    Extension(
        "whether/models/coin.py",
        """from memorization.whether.models.boosting import Boosting


class Coin(Boosting):
    pass
""",
        "whether/models/__init__.py",
        {
            "from memorization.whether.models.classifier import BinaryModel\n": (
                "from memorization.whether.models.coin import Coin\n"
            ),
            '    "boosting": Boosting,\n': '    "coin": Coin,\n',
        },
    ),
    Extension(
        "when/models/clock.py",
        """from memorization.when.models.kaplan_meier import KaplanMeier


class Clock(KaplanMeier):
    is_baseline = False
""",
        "when/models/__init__.py",
        {
            "from memorization.when.models.accumulation import Accumulation\n": (
                "from memorization.when.models.clock import Clock\n"
            ),
            '    "cox": Cox,\n': '    "clock": Clock,\n',
        },
    ),
    Extension(
        "evaluation/metrics/sharpness.py",
        """import numpy as np


def sharpness(truth, score, weight):
    return (weight * (score - 0.5) ** 2).sum(axis=-1) / weight.sum(axis=-1)
""",
        "evaluation/metrics/__init__.py",
        {
            "from memorization.evaluation.metrics.ranking import auroc, average_precision\n": (
                "from memorization.evaluation.metrics.sharpness import sharpness\n"
            ),
            '    "brier": brier,\n': '    "sharpness": sharpness,\n',
        },
    ),
    Extension(
        "report/figures/dots.py",
        """from matplotlib.figure import Figure

ALT = "A line."


def draw(results):
    figure = Figure()
    figure.subplots().plot(results.sample["weight"])
    return figure
""",
        "report/figures/__init__.py",
        {"    correlation,\n": "    dots,\n"},
    ),
    Extension(
        "report/tables/rows.py",
        """def rows(results):
    return f"{len(results.sample)} rows\\n"


TABLES = {"rows": rows}
""",
        "report/tables/__init__.py",
        {"    features,\n": "    rows,\n"},
    ),
)

# One process, as the libraries take seconds to import.
RUN = """
import os
from memorization.stages import features, report, when, whether
for folder, stages in (("study", (features, whether, when)), ("made_up", (report,))):
    os.chdir(folder)
    for stage in stages:
        stage.main()
    os.chdir("..")
"""


@pytest.fixture(scope="module")
def extended(tmp_path_factory):
    """A folder in which the extended package ran, from features to models, and on to the paper."""
    folder = tmp_path_factory.mktemp("extended")
    package = folder / "src" / "memorization"
    shutil.copytree(PACKAGE, package)  # with what Numba has compiled, which takes it long
    for extension in EXTENSIONS:
        _extend(package, extension)
    for name, families in (("study", ["duplication", "parity"]), ("made_up", None)):
        (folder / name).mkdir()
        _write_params(folder / name / "params.yaml", families)
    _write_inputs(folder / "study" / "results")
    made_up = load_params(folder / "made_up" / "params.yaml")
    write_made_up_results(folder / "made_up" / "results", made_up)
    environment = os.environ | {"PYTHONPATH": str(package.parent), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", RUN], cwd=folder, env=environment, text=True, capture_output=True
    )
    assert done.returncode == 0, done.stdout[-1000:] + done.stderr[-3000:]
    (folder / "said.txt").write_text(done.stdout, "utf-8")
    return folder


def _extend(package, extension):
    (package / extension.file).write_text(extension.text)
    registry = package / extension.registry
    text = registry.read_text("utf-8")
    for old, new in extension.lines.items():
        assert text.count("\n" + old) == 1, f"{extension.registry}: {old}"
        text = text.replace("\n" + old, "\n" + old + new)
    registry.write_text(text, "utf-8")


def _write_params(path, families):
    params = yaml.safe_load(PARAMS.read_text("utf-8"))
    params["bootstrap"]["replicates"], params["threads"] = 20, 1
    if families:
        params["target"] = "micro-c"
        params["suite"]["models"]["micro-c"] = params["suite"]["models"]["micro-1100k"]
        params["features"]["families"] = families
        params["whether"]["models"] = ["coin"]
        params["when"]["models"] = ["kaplan_meier", "clock"]
    path.write_text(yaml.safe_dump(params))


def _write_inputs(results):
    write_study(results)
    row = np.arange(POPULATION)
    origins = {"index": row, "document": row, "offset": 0 * row, "length": 0 * row + 64}
    documents = pd.DataFrame(origins | {"domain": "code", "place": 64 * row})
    documents.to_parquet(results / "suite" / "documents.parquet")
    times = {"source": "scan", "reason": "", "cost": {}}
    write_metrics({"times": times}, results / "metrics" / "labels.json")
    labels = event_times(trajectories(sample()[0]))
    tables.write_table(labels, results / "labels.parquet", tables.LABELS)


def metrics(folder, name):
    return json.loads((folder / "study" / "results" / "metrics" / f"{name}.json").read_text())


def test_a_family_of_features_is_a_column(extended):
    path = extended / "study" / "results" / "features.parquet"
    assert set(tables.read_table(path, tables.FEATURES)["parity.even"]) == {0.0, 1.0}


def test_a_classifier_is_fitted_and_scored(extended):
    assert metrics(extended, "whether")["text"]["coin"]["auroc"]["value"] is not None
    assert (extended / "study" / "results" / "models" / "whether" / "text-coin.skops").exists()


def test_a_survival_model_is_fitted_and_scored(extended):
    assert metrics(extended, "when")["text"]["clock"]["integrated_brier"]["value"] is not None
    assert (extended / "study" / "results" / "models" / "when" / "text-clock.json").exists()


def test_a_metric_is_reported_of_every_model(extended):
    found = metrics(extended, "whether")["corpus"]["coin"]["sharpness"]
    assert 0 <= found["low"] <= found["value"] <= found["high"] <= 0.25


def test_a_figure_is_drawn_and_a_table_written(extended):
    assert (extended / "made_up" / "paper" / "figures" / "dots.svg").exists()
    assert (extended / "made_up" / "paper" / "tables" / "rows.md").read_text() == "240 rows\n"


def test_the_stage_says_which_claims_of_the_text_do_not_hold(extended):
    claims = json.loads((extended / "made_up" / "paper" / "claims.json").read_text("utf-8"))[
        "claims"
    ]
    expected = {
        f"not so in this run: {name} ({claim['numbers']})"
        for name, claim in claims.items()
        if claim["asked"] and not claim["holds"]
    }
    said = (extended / "said.txt").read_text("utf-8").splitlines()
    assert {line for line in said if line.startswith("not so")} == expected
