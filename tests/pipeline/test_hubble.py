"""Texts inserted by lottery, of Hubble in miniature: the arm's analysis on what others trained."""

import numpy as np
import pytest
from pipeline.conftest import STAGES
from pipeline.published import labels, metrics, run_stages, trajectories
from standin import Hub, environment
from standin.hubble import DOSES, PHASES, SIZE, make_hubble

from memorization import tables

TARGETS = [f"{SIZE}-{run}" for run in PHASES]
OTHERS = ("injectrange_0_50", "injectrange_50_100", "standard")


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hub")
    return folder, make_hubble(folder)


@pytest.fixture
def study(new_study, served, tmp_path):
    study = new_study()
    with Hub(served[0]) as hub:
        study.environment |= environment(hub.endpoint, tmp_path)
        yield study


def test_the_same_texts_in_all_runs(study, served):
    folder, truth = served
    target = f"{SIZE}-perturbed"
    printed = run_stages(
        study, folder / "hubble.json", *STAGES, target=target, labels__checkpoints=4
    )
    assert "hubble: not known: " in printed
    kept = trajectories(study)
    assert kept["run"].tolist() == TARGETS
    for place, run in enumerate(PHASES):
        np.testing.assert_array_equal(kept["run_memorized"][:, place], truth.generated[run])
    np.testing.assert_array_equal(labels(study)["memorized"], truth.generated["perturbed"])
    arm = tables.read_table(study.folder / "results/arm.parquet", tables.ARM)
    np.testing.assert_array_equal(arm["dose"], truth.dose)
    np.testing.assert_array_equal(arm["memorized"], truth.generated["perturbed"])
    assert [len(own) for own in arm["exposure_steps"]] == truth.dose.tolist()
    found = metrics(study, "arm")
    assert found["contrasts"] == {"logprob": {}, "memorized": {}}
    assert {int(dose) for dose in found["cells"]} == set(DOSES)
    # 128 copies memorize, 32 do not, and that is what the dose of one half says.
    assert (found["cells"]["128"]["memorized"]["value"], found["ed50"]["n"]) == (1, 40)
    assert 32 < found["ed50"]["low"] < found["ed50"]["value"] < found["ed50"]["high"] < 128
    # Early copies are forgotten, late ones are not, and nothing comes of none.
    early, late, none = (found["runs"][f"{SIZE}-{run}"] for run in OTHERS)
    assert early["memorized"]["128"]["value"] == none["memorized"]["128"]["value"] == 0
    assert late["memorized"]["128"]["value"] > 0.5
    assert early["less_target"]["128"]["high"] == -1
    assert (study.folder / "paper/figures/dose_response.svg").exists()


def test_without_insertions_there_is_no_arm(study, served):
    folder, truth = served
    stages = ("suite", "sequences", "labels", "features", "split", "arm")
    run_stages(study, folder / "hubble.json", *stages, target=f"{SIZE}-standard")
    assert trajectories(study)["steps"].tolist() == [truth.steps[-1]]
    assert metrics(study, "arm")["done"] is False
