import importlib
import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as parquet
import pytest
from miniature_study import MEMORIZED, POPULATION, TARGET, windows
from typer.testing import CliRunner

from memorization.cli import app
from memorization.harness import Predictions, Sample, evaluate_predictions, evaluate_predictor
from memorization.suite.micro.suite import MicroSuite

ROOT = Path(__file__).parents[2]


@pytest.fixture
def run(study):
    def command(*arguments):
        suite = ("--suite", str(study / "suite"))
        return CliRunner().invoke(app, [*map(str, arguments), *suite])

    return command


@pytest.fixture(scope="module")
def everything(tmp_path_factory):
    """A table of predictions of all sequences."""
    path = tmp_path_factory.mktemp("tables") / "all.csv"
    index = np.arange(POPULATION)
    pd.DataFrame({"index": index, "score": np.sin(index)}).to_csv(path, index=False)
    return path


def test_the_target_of_the_study_is_the_default(run, suite, everything, tmp_path):
    found = run("evaluate", everything, "--output", tmp_path / "out.json")
    assert found.exit_code == 0
    expected = evaluate_predictor(np.sin, suite, TARGET)
    assert found.output == f"{expected}\n"
    expected.write(tmp_path / "expected.json")
    assert (tmp_path / "out.json").read_bytes() == (tmp_path / "expected.json").read_bytes()


def test_target_threshold_and_sample(run, suite, study, everything, tmp_path):
    sample = Sample.read(study)
    table = pd.read_csv(everything)
    table = table[table["index"].isin(sample.index)]
    table.sample(frac=1, random_state=0).to_parquet(tmp_path / "some.parquet")
    found = run("evaluate", tmp_path / "some.parquet", "--target", "micro-b", "--threshold", "0.25")
    predictions = Predictions(table["index"].to_numpy(), table["score"].to_numpy())
    expected = evaluate_predictions(predictions, suite, "micro-b", sample=sample, threshold=0.25)
    assert found.output == f"{expected}\n"
    assert "95% interval" in found.output


def test_a_list_of_positives(run, tmp_path):
    index = MEMORIZED[TARGET][:10]
    pd.DataFrame({"index": index, "predicted": True}).to_parquet(tmp_path / "list.parquet")
    refused = run("evaluate", tmp_path / "list.parquet")
    assert refused.exit_code == 1
    assert "memorization sequences OUT.parquet" in refused.output
    found = run("evaluate", tmp_path / "list.parquet", "--unlisted", "negative")
    assert found.exit_code == 0
    assert "precision           1.000" in found.output


def test_a_population_with_gaps(run, monkeypatch, tmp_path):
    """As where copies of the randomised arm stand between the natural sequences."""
    last = max(MEMORIZED[TARGET])
    index = np.concatenate([np.arange(last + 1), np.arange(last + 11, POPULATION + 10)])
    monkeypatch.setattr(MicroSuite, "population_index", index)
    pd.DataFrame({"index": index, "score": -index}).to_csv(tmp_path / "all.csv", index=False)
    found = run("evaluate", tmp_path / "all.csv")
    assert found.exit_code == 0, found.output
    assert f"population  {POPULATION} sequences" in found.output
    assert "asked of all of them: exact" in found.output


def test_a_suite_without_a_study(study, everything, tmp_path):
    (tmp_path / "suite").symlink_to(study / "suite")
    command = ["evaluate", str(everything), "--suite", str(tmp_path / "suite")]
    found = CliRunner().invoke(app, command)
    assert found.exit_code == 1
    assert "add --target micro-a|micro-b|micro-c" in found.output
    assert CliRunner().invoke(app, [*command, "--target", TARGET]).exit_code == 0
    assert CliRunner().invoke(app, [*command, "--study", str(study)]).exit_code == 0


@pytest.mark.parametrize(("options", "n"), [((), 100), (("--population",), POPULATION)])
def test_the_list_to_predict_gives_no_label_away(run, study, suite, options, n, tmp_path):
    found = run("sequences", tmp_path / "list.parquet", *options)
    assert found.output == f"{tmp_path / 'list.parquet'}: {n} sequences\n"
    table = parquet.read_table(tmp_path / "list.parquet")
    assert table.column_names == ["index", "tokens", "text"]
    index = table["index"].to_numpy()
    expected = np.arange(POPULATION) if options else Sample.read(study).index
    np.testing.assert_array_equal(index, expected)
    tokens = np.array(table["tokens"].to_pylist())
    np.testing.assert_array_equal(tokens, windows()[index])
    assert table["text"][3].as_py() == suite.tokenizer.decode(tokens[3].tolist())
    assert [path.name for path in tmp_path.iterdir()] == ["list.parquet"]


def test_nowhere_to_write_and_a_suite_whose_text_is_not_here(run, study, tmp_path):
    """The latter is Pythia's, of which a sample is known."""
    found = run("sequences", tmp_path / "nowhere" / "list.parquet")
    assert found.exit_code == 1
    assert f"there is no folder {tmp_path / 'nowhere'}" in found.output
    folder = tmp_path / "suite"
    (folder / "sample").mkdir(parents=True)
    manifest = json.loads((study / "suite" / "manifest.json").read_text()) | {"suite": "pythia"}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    np.save(folder / "sample" / "index.npy", np.arange(3))
    command = ["sequences", str(tmp_path / "list.parquet"), "--population", "--suite", str(folder)]
    found = CliRunner().invoke(app, command)
    assert found.exit_code == 1
    assert "the text of all 400 sequences is not here" in found.output


def test_a_mistake_is_one_line_and_no_traceback(tmp_path):
    """For real: of a process, with its exit status."""
    command = [sys.executable, "-m", "memorization.cli", "evaluate", "gone.csv", "--suite", "."]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=environment)
    assert done.returncode == 1
    assert done.stderr == "error: .: no suite here; run `dvc repro suite` to make it\n"
    assert done.stdout == ""


def test_the_command_is_installed_under_its_name():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    module, _, name = project["scripts"]["memorization"].partition(":")
    assert getattr(importlib.import_module(module), name) is app
    found = CliRunner().invoke(app, ["--help"])
    assert "evaluate" in found.output
    assert "sequences" in found.output
