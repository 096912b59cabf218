"""The stage, on a tiny suite with the arm and on a made-up one without."""

import json

import numpy as np
import pytest
import torch
import yaml
from miniature_study import write_suite
from tiny_arm import raw_params, write_corpus

from memorization import tables
from memorization.labels.trajectories import Trajectories
from memorization.stages import arm, features, labels, sequences, split, suite
from memorization.suite.read import read_suite
from memorization.tables import ARM, read_table, token_matrix


def write_params(folder, *, enabled):
    raw = raw_params(enabled=enabled)
    raw["features"]["families"] = ["duplication", "ngram", "compressibility"]
    sizes = dict.fromkeys(raw["sequences"]["followed"], 20)
    raw["sequences"] = {"followed": sizes, "census": 2}
    (folder / "params.yaml").write_text(yaml.safe_dump(raw))


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("arm")
    write_params(folder, enabled=True)
    (folder / "data").mkdir()
    write_corpus(folder / "data" / "corpus.tar.xz")
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for stage in (suite, sequences, labels, features, split, arm):
            stage.main()
    return folder / "results"


def test_every_unit_has_outcomes_and_a_trajectory(finished):
    table, units = read_table(finished / "arm.parquet", ARM), read_suite(finished / "suite").arm
    assert table["unit"].tolist() == units["unit"].tolist()
    found = Trajectories.read_arm(finished / "trajectories.npz")
    assert found.index.tolist() == units["unit"].tolist()
    assert found.match_length.shape == (len(units), 3)
    assert found.observed.all()
    assert found.match_length[:, -1].tolist() == table["match_length"].tolist()
    np.testing.assert_allclose(found.continuation_logprob[:, -1] / 32, table["logprob"], rtol=1e-6)
    assert table["memorized"].tolist() == (table["match_length"] == 32).tolist()


def test_a_log_probability_is_that_of_the_model(finished):
    models = read_suite(finished / "suite")
    table = read_table(finished / "arm.parquet", ARM)
    tokens = torch.from_numpy(token_matrix(table["tokens"])[:5].astype(np.int64))
    with torch.no_grad():
        logits = models.load("micro-base")(tokens).logits.log_softmax(-1)
    expected = logits[:, :-1].gather(2, tokens[:, 1:, None])[:, 31:, 0].mean(1)
    np.testing.assert_allclose(table["logprob"][:5], expected, rtol=1e-4)


def test_exposure_is_added_to_surprisal_and_to_nothing_else(finished):
    table = read_table(finished / "arm.parquet", ARM)
    never = table["dose"] <= 1
    np.testing.assert_allclose(
        table.loc[never, "exposed_surprisal"], table.loc[never, "surprisal"], rtol=0.2
    )
    often = table["dose"] == 8
    assert (table.loc[often, "exposed_surprisal"] < 0.5 * table.loc[often, "surprisal"]).all()
    correlation = np.corrcoef(table["dose"], table["compressibility"])[0, 1]
    assert abs(correlation) < 0.6


def test_without_models_of_natural_texts_nothing_is_foretold(finished):
    table = read_table(finished / "predictions" / "arm.parquet", tables.ARM_FORECASTS)
    assert len(table) == 0
    found = json.loads((finished / "metrics" / "arm.json").read_text())
    assert found["tested"] == {}
    assert found["over_time"]["4"]["100"]["experiment"]["n"] == 2


def test_metrics_say_what_was_found_and_of_which_pool(finished):
    found = json.loads((finished / "metrics" / "arm.json").read_text())
    assert found["done"] is True
    assert found["target"] == "micro-base"
    assert found["pool"]["seeds_with_own_units"] >= 1
    assert {found["cells"][cell]["n"] for cell in ("0", "2", "4", "early", "late")} == {2}
    assert found["cells"]["8"]["n"] == 1
    assert set(found["gap"]) == {"2", "4", "8"}


def test_natural_texts_alone_are_studied(finished):
    models = read_suite(finished / "suite")
    for name in ("sequences", "features", "splits"):
        index = read_table(finished / f"{name}.parquet", getattr(tables, name.upper()))["index"]
        assert np.isin(index, models.population_index).all()


def test_without_an_arm_it_says_so_and_goes_on(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_params(tmp_path, enabled=False)
    write_suite(tmp_path / "results" / "suite")
    arm.main()
    found = json.loads((tmp_path / "results" / "metrics" / "arm.json").read_text())
    assert found == {
        "done": False,
        "reason": "the target has no randomised arm (of micro, arm.enabled gives it one)",
    }
    assert len(read_table(tmp_path / "results" / "arm.parquet", ARM)) == 0
