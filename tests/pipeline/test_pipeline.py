"""The real commands on the miniature, from a fresh repository to figures."""

import json
import re
import signal
import subprocess
import time

import numpy as np
import pytest
from pipeline.conftest import STAGES
from pipeline.published import QUICK, options_of

from memorization import tables

ARM_UNITS = 2 * 8 + 1  # blocks of three doses and five schedules, one with the largest dose
TABLES = {
    "sequences": tables.SEQUENCES,
    "labels": tables.LABELS,
    "features": tables.FEATURES,
    "splits": tables.SPLITS,
    "predictions/whether": tables.WHETHER,
    "predictions/when": tables.WHEN,
}


def metrics(study, name):
    return json.loads((study.folder / f"results/metrics/{name}.json").read_text())


def test_every_table_is_there_and_speaks_of_the_same_sequences(finished):
    read = {
        name: tables.read_table(finished.folder / f"results/{name}.parquet", schema)
        for name, schema in TABLES.items()
    }
    index = read["sequences"]["index"]
    for name, table in read.items():
        of = index[read["sequences"]["followed"]] if name == "predictions/when" else index
        assert sorted(set(table["index"])) == list(of), name
    followed = read["sequences"]["followed"].to_numpy()
    at_end = read["labels"]["memorized"].to_numpy()
    with np.load(finished.folder / "results/trajectories.npz") as trajectories:
        np.testing.assert_array_equal(trajectories["index"], index[followed])
        scanned = trajectories["match_length"][:, -1] == 32
    np.testing.assert_array_equal(scanned, at_end[followed])
    with np.load(finished.folder / "results/census.npz") as census:
        np.testing.assert_array_equal(census["index"], index)
        assert census["match_length"].shape == (len(index), len(census["steps"]))
        np.testing.assert_array_equal(census["match_length"][:, -1] == 32, at_end)
    # Of those that are not followed no times are known.
    np.testing.assert_array_equal(read["labels"]["entry"].notna(), followed)
    assert at_end.sum() >= 20
    survival = tables.curves_matrix(read["predictions/when"]["survival"])
    assert survival.shape[1] == 8
    assert (np.diff(survival, axis=1) <= 1e-6).all()


def test_models_of_natural_texts_foretell_the_units(finished):
    path = finished.folder / "results/predictions/arm.parquet"
    table = tables.read_table(path, tables.ARM_FORECASTS)
    units = tables.read_table(finished.folder / "results/arm.parquet", tables.ARM)
    assert list(table["model"].unique()) == ["exposure_clock", "with_text"]
    exact = (units["dose"] > 0) & units["schedule"].isin(["random", "early", "late", "even"])
    for model, own in table.groupby("model"):
        assert own["unit"].tolist() == units["unit"].tolist()
        ever = 1 - tables.curves_matrix(own["survival"])[:, -1]
        error = ((units["ever"] - ever) ** 2)[exact].mean()
        found = metrics(finished, "arm")["tested"][model]["brier"]["ever"]["value"]
        assert found == pytest.approx(error, rel=1e-5)


def test_no_text_is_in_two_folds(finished):
    splits = tables.read_table(finished.folder / "results/splits.parquet", tables.SPLITS)
    assert (splits.groupby("cluster")["fold"].nunique() == 1).all()


def test_weights_lead_back_to_the_population(finished):
    sequences = tables.read_table(finished.folder / "results/sequences.parquet", tables.SEQUENCES)
    labels = metrics(finished, "labels")
    followed = sequences[sequences["followed"]]
    assert len(sequences) == sequences["weight"].sum() == labels["population"]
    assert followed["when_weight"].sum() == pytest.approx(labels["population"])
    memorized = tables.read_table(finished.folder / "results/labels.parquet", tables.LABELS)
    count = labels["memorized_by_model"][labels["target"]]
    assert abs(memorized["memorized"].sum() - count) <= 1
    # The sample says as much as the census, within its error.
    census = labels["census"]
    assert census["sample"]["memorized"][-1] == pytest.approx(count, rel=0.3)


def test_the_arm_has_outcomes_and_is_not_of_the_population(finished):
    arm = tables.read_table(finished.folder / "results/arm.parquet", tables.ARM)
    assert len(arm) == ARM_UNITS
    assert metrics(finished, "arm")["done"] is True
    # More copies, a likelier continuation: even at this size, none and the largest dose differ.
    level = arm.groupby("cell")["logprob"].mean()
    assert level["0"] < level["8"] < level["64"]
    manifest = json.loads((finished.folder / "results/suite/manifest.json").read_text())
    assert manifest["population"] == 400 * 6 - arm["dose"].sum() // 2


def test_without_the_arm_all_of_the_training_data_are_studied(new_study):
    study = new_study()
    path = study.folder / "params.yaml"
    text = path.read_text().replace("enabled: true", "enabled: false")
    path.write_text(text.replace("steps: 400", "steps: 40"))
    study.stages("suite", "sequences", "labels", "features", "split", "when", "arm")
    manifest = json.loads((study.folder / "results/suite/manifest.json").read_text())
    assert manifest["population"] == 40 * 6
    assert metrics(study, "arm")["done"] is False
    assert not (study.folder / "results/suite/arm.parquet").exists()


def test_a_second_run_has_nothing_to_do_and_git_is_clean(finished):
    again = finished.run("dvc", "repro")
    assert "Data and pipelines are up to date" in again.stdout + again.stderr
    assert not re.search("Running stage", again.stdout)
    assert finished.run("git", "status", "--porcelain").stdout == ""


def test_other_words_in_the_code_make_nothing_anew(finished):
    """The stages whose files they are in run, in seconds; what is after them does not."""
    source = finished.folder / "src" / "memorization"
    for name in ("suite/micro/train.py", "labels/events.py", "report/figures/growth.py"):
        text = (source / name).read_text("utf-8")
        (source / name).write_text(text.replace('"""', '"""In other words: ', 1), "utf-8")
    before = finished.files("results", "paper")
    done = finished.run("dvc", "repro")
    assert re.findall(r"Running stage '(\w+)'", done.stdout) == ["suite", "labels", "arm", "report"]
    assert "training" not in done.stdout
    assert "scanning micro-base: 10 %" not in done.stdout
    assert finished.files("results", "paper") == before
    finished.run("git", "checkout", "--quiet", ".")
    finished.run("dvc", "repro")


def test_two_runs_give_the_same_bytes_though_one_is_killed(finished, new_study):
    """And without DVC, whichever stages share a process."""
    study = new_study()
    _kill(study, "suite", lambda: list(study.folder.glob("results/.partial/suite-*/*/step*[0-9]")))
    assert "going on from" in study.stages(*STAGES[: STAGES.index("labels")])
    _kill(study, "labels", lambda: list(study.folder.glob("results/.partial/labels-*/*.npz")))
    assert "going on from" in study.stages(*STAGES[STAGES.index("labels") :])
    folders = ("results", "paper/figures", "paper/tables")
    assert study.files(*folders) == finished.files(*folders)
    for name in ("_sources.yml", "_variables.yml", "claims.json"):
        expected = (finished.folder / "paper" / name).read_bytes()
        assert (study.folder / "paper" / name).read_bytes() == expected


def _kill(study, stage, finished_work):
    """Start a stage and kill it as soon as it has finished some of its work, but not all."""
    process = subprocess.Popen(
        ["python", "-m", f"memorization.stages.{stage}"],
        cwd=study.folder,
        env=study.environment,
        stdout=subprocess.DEVNULL,
    )
    end = time.monotonic() + 120
    while len(finished_work()) < 3 and process.poll() is None and time.monotonic() < end:
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert process.returncode == -signal.SIGKILL, "the stage ended before it could be killed"
    assert finished_work()


def test_a_variant_for_another_model_does_not_train_again(finished):
    quick = {name: value for name, value in QUICK.items() if not name.startswith("when")}
    options = options_of({"target": "micro-small"} | quick)
    done = finished.run("dvc", "exp", "run", *options, "whether")
    assert "training" not in done.stdout
    assert "evaluating" not in done.stdout
    assert metrics(finished, "labels")["target"] == "micro-small"
    shown = finished.run("dvc", "exp", "show", "--json").stdout
    assert "micro-small" in shown
    assert "results/metrics/whether.json" in finished.run("dvc", "metrics", "diff").stdout
    finished.run("git", "checkout", "--quiet", ".")
    finished.run("dvc", "checkout", "--quiet")


def test_a_mistake_in_a_parameter_stops_the_run_with_one_line(finished):
    done = finished.run("dvc", "exp", "run", "-S", "split.largest_cluster=1.7", check=False)
    assert done.returncode != 0
    output = done.stdout + done.stderr
    assert "split.largest_cluster=1.7" in output
    assert "Traceback" not in output
    finished.run("git", "checkout", "--quiet", ".")
    finished.run("dvc", "checkout", "--quiet")
