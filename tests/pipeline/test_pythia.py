"""The pipeline for Pythia, against a stand-in for the hub: once by the command that a user types.

The real clients fetch labels, sample, tokenizer and checkpoints in the layout of what EleutherAI
published; only the sizes are a miniature's.
"""

import json
import time

import numpy as np
import pytest
from pipeline import published
from pipeline.conftest import STAGES
from pipeline.published import labels, metrics, sequences, trajectories
from standin import Hub, environment
from standin.pythia import miniature


@pytest.fixture(scope="module")
def hub():
    with Hub(miniature()[0]) as hub:
        yield hub


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


@pytest.fixture
def study(new_study, hub, home):
    """A repository whose hub is the stand-in; nothing has run in it."""
    study = new_study()
    study.environment |= environment(hub.endpoint, home)
    return study


def experiment(study, check=True, **changes):
    return published.experiment(study, miniature()[0] / "facts.json", check, **changes)


def run_stages(study, *names, **changes):
    return published.run_stages(study, miniature()[0] / "facts.json", *names, **changes)


def steps(study):
    return trajectories(study)["steps"].tolist()


def truth(study, model, step):
    """Return what the stand-in's model generates, of the studied sequences."""
    return miniature()[1]["duped"].memorized[model][step][sequences(study)["index"]]


def test_a_scan_of_some_checkpoints(study):
    done = experiment(study, target="1.4b", labels__checkpoints=4)
    assert "training" not in done.stdout
    assert steps(study) == [50, 100, 150, 200]
    np.testing.assert_array_equal(labels(study)["memorized"], truth(study, "1.4b", 200))
    found = metrics(study, "labels")
    assert found["times"]["source"] == "scan"
    assert found["agreement"]["share"] == found["agreement"]["shares"]["share"] == 1
    assert found["agreement"]["shares"]["n"] > 100
    assert set(found["memorized_by_model"]) == {"70m", "410m", "1.4b"}
    assert metrics(study, "when")["sibling"]["logistic"]["concordance"]["value"] > 0.5
    assert metrics(study, "whether")["sibling"]["logistic"]["auroc"]["value"] > 0.7
    # Streamed: nothing of a checkpoint is left, and none but the reference's is in the suite.
    weights = {path.parent.parent.name for path in study.folder.rglob("model.safetensors")}
    assert weights == {"70m"}
    again = study.run("dvc", "repro")
    assert "Data and pipelines are up to date" in again.stdout + again.stderr


def test_published_times_need_no_scan(study, hub):
    before = len(hub.requests)
    names = ("suite", "sequences", "labels", "features", "split", "siblings", "when")
    run_stages(study, *names, target="12b")
    asked = [str(request) for request in hub.requests[before:]]
    assert not any("pythia-12b" in request and "resolve" in request for request in asked)
    found = metrics(study, "labels")
    assert found["times"]["source"] == "published"
    assert steps(study) == [75, 125, 175, 200]
    np.testing.assert_array_equal(labels(study)["memorized"], truth(study, "12b", 200))
    assert metrics(study, "when")["corpus"]["logistic"]["concordance"]["value"] > 0.5
    assert metrics(study, "siblings")["evaluated_pairs"].keys() == {"70m", "410m", "1.4b"}


def test_without_times_the_question_when_is_left_open_and_all_else_goes_on(study):
    run_stages(study, *STAGES, target="410m", labels__times="none")
    when = metrics(study, "when")
    assert when["done"] is False
    assert when["reason"]
    assert metrics(study, "whether")["corpus"]["logistic"]["average_precision"]["value"] > 0
    assert (study.folder / "paper/_variables.yml").exists()
    claims = json.loads((study.folder / "paper/claims.json").read_text())
    assert claims["conditions"]["micro"] is False


def test_without_a_hub_it_ends_in_seconds_and_says_what_to_do(study):
    study.environment |= environment("http://127.0.0.1:9", study.folder / "no-cache")
    start = time.monotonic()
    done = experiment(study, check=False, target="70m")
    assert time.monotonic() - start < 30
    output = done.stdout + done.stderr
    assert done.returncode != 0
    assert "error: " in output
    assert "HF_ENDPOINT" in output
    assert "Traceback" not in output
