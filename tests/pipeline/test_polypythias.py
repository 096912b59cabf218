"""Ten runs of a size, of which the miniature has three: the same sequences, each run scanned."""

import shutil

import numpy as np
import pytest
from pipeline.conftest import STAGES
from pipeline.published import labels, metrics, run_stages, sequences, trajectories
from standin import Hub, environment
from standin.polypythias import RUNS, make_runs
from standin.pythia import Plan, miniature

TARGETS = [f"410m-{run}" for run in RUNS]


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    published, variants = miniature()
    folder = shutil.copytree(published, tmp_path_factory.mktemp("hub") / "pythia")
    return folder, make_runs(folder, Plan(), variants["duped"])


@pytest.fixture
def study(new_study, served, tmp_path):
    study = new_study()
    with Hub(served[0]) as hub:
        study.environment |= environment(hub.endpoint, tmp_path)
        yield study


def test_the_same_sequences_over_all_runs(study, served):
    folder, truth = served
    facts = folder / "polypythias.json"
    changes = {"target": TARGETS[1], "labels__checkpoints": 4, "pythia__order": True}
    run_stages(study, facts, *STAGES, **changes)
    index = sequences(study)["index"]
    memorized = {
        step: np.stack([truth[run].memorized[step][index] for run in RUNS], axis=1)
        for step in (50, 100, 150, 200)
    }
    kept = trajectories(study)
    assert kept["run"].tolist() == TARGETS
    np.testing.assert_array_equal(kept["run_memorized"], memorized[200])
    np.testing.assert_array_equal(labels(study)["memorized"], memorized[200][:, 1])
    first = np.select([memorized[step] for step in memorized], list(memorized), 0)
    np.testing.assert_array_equal(kept["run_first_step"], first)
    seen = np.stack([truth[run].seen[index] for run in RUNS], axis=1)
    assert (kept["run_seen_step"] == seen).mean() > 0.8
    assert (np.isin(kept["run_seen_step"], [0]) | (kept["run_seen_step"] == seen)).all()
    found = metrics(study, "labels")
    assert found["agreement"] is None
    assert found["times"]["source"] == "scan"
    runs = found["runs"]
    assert runs["excluded"] == {}
    assert sum(runs["in_how_many"]) == pytest.approx(1600)
    # The sample is drawn by the labels of Pythia's own run, so what that has is known exactly.
    assert runs["memorized"][TARGETS[0]] == pytest.approx(truth["seed0"].memorized[200].sum())
    for run, target in zip(RUNS, TARGETS, strict=True):
        of_all = truth[run].memorized[200].sum()
        assert runs["memorized"][target] == pytest.approx(of_all, rel=0.3)
    assert runs["by_exposure"]["trained_on"] > runs["by_exposure"]["not_trained_on"]
    assert found["memorized_by_model"][TARGETS[1]] == round(runs["memorized"][TARGETS[1]])
    assert metrics(study, "whether")["sibling"]["logistic"]["auroc"]["value"] > 0.6
    assert metrics(study, "when")["done"]
    assert (study.folder / "paper/_variables.yml").exists()


def test_without_times_the_end_of_each_run_is_scanned_all_the_same(study, served):
    folder, truth = served
    facts = folder / "polypythias.json"
    wrong = {"EleutherAI/pythia-410m-seed1@step50": "mixture"}
    changes = {"target": TARGETS[2], "labels__times": "none", "labels__exclude": wrong}
    run_stages(study, facts, *STAGES, **changes)
    kept = trajectories(study)
    assert kept["steps"].tolist() == [200]
    index = kept["index"]
    expected = np.stack([truth[run].memorized[200][index] for run in RUNS], axis=1)
    np.testing.assert_array_equal(kept["run_memorized"], expected)
    runs = metrics(study, "labels")["runs"]
    assert runs["when"]["between"] is None
    assert runs["excluded"] == {TARGETS[1]: {"step50": "mixture"}}
    assert metrics(study, "when")["done"] is False
