"""The stage on simulated tables, from files to files."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from made_up_study import write_splits, write_tables

from memorization import tables
from memorization.errors import UserError
from memorization.files import write_metrics
from memorization.labels.trajectories import Trajectories
from memorization.stages import when
from memorization.when.models import MODELS

ROOT = Path(__file__).parents[2]
COST = {"gigabytes": 419.0, "gpu_hours": {"A100": 4.2}}


@pytest.fixture
def folder(study, tmp_path, monkeypatch):
    """A folder with all that the stage reads; rows of the tables in different orders."""
    monkeypatch.chdir(tmp_path)
    change_params(bootstrap={"replicates": 20}, threads=1, when={"models": list(MODELS)})
    write_tables(study, tmp_path / "results")
    write_times(source="scan", reason="the checkpoints are on disk")
    return tmp_path


def change_params(**changes):
    here = Path("params.yaml")
    params = yaml.safe_load((here if here.exists() else ROOT / here).read_text())
    for name, value in changes.items():
        params[name] = params[name] | value if isinstance(value, dict) else value
    here.write_text(yaml.safe_dump(params))


def write_times(**times):
    write_metrics({"times": times | {"cost": COST}}, "results/metrics/labels.json")


def read_metrics():
    return json.loads(Path("results/metrics/when.json").read_text())


def written(folder):
    files = [*(folder / "results/predictions").iterdir(), *(folder / "results/models").rglob("*")]
    files.append(folder / "results/metrics/when.json")
    return {str(f.relative_to(folder)): f.read_bytes() for f in files if f.is_file()}


def test_stage_writes_everything_and_the_same_again(folder, study):
    stale = Path("results/models/when/text-gone.json")
    stale.parent.mkdir(parents=True)
    stale.write_text("{}")
    when.main()
    first = written(folder)
    assert not stale.exists()

    predictions = tables.read_table("results/predictions/when.parquet", tables.WHEN)
    runs = set(zip(predictions["tier"], predictions["model"], strict=True))
    # No sibling is known, so that the sibling tier adds nothing.
    assert len(runs) == 8 + 3 * 3
    assert {name for _, name in runs} == set(MODELS)
    for tier, name in runs:
        path = Path(f"results/models/when/{tier}-{name}{MODELS[name].suffix}")
        if MODELS[name].is_kept:
            found = MODELS[name].load(path).predict(study, np.arange(400))
            assert found.shape == (400, 4, 12)
        else:
            assert not path.exists()

    metrics = read_metrics()
    assert (metrics["done"], metrics["event"]) == (True, "first")
    assert metrics["n_events"] == study.truth.sum()
    # The rows were joined by index, in spite of their order: the features tell the times.
    assert metrics["reference"]["logistic"]["concordance"]["low"] > 0.6
    assert metrics["text"]["kaplan_meier"]["concordance"]["value"] == pytest.approx(0.5)

    shutil.rmtree("results/predictions")
    when.main()
    assert written(folder) == first


def test_mistakes_are_explained(folder, study):
    write_splits(study.take(np.arange(1, len(study))), folder / "results")
    with pytest.raises(UserError, match=r"results/splits.parquet: not about the sequences"):
        when.main()
    change_params(when={"models": ["weibull"]})
    with pytest.raises(UserError, match="no model 'weibull'; the models are: kaplan_meier"):
        when.main()


def test_what_cannot_be_asked_is_written_down_and_the_pipeline_goes_on(folder):
    write_times(source="none", reason="there is no GPU")
    when.main()
    assert read_metrics() == {"done": False, "reason": "there is no GPU", "cost": COST}
    assert len(tables.read_table("results/predictions/when.parquet", tables.WHEN)) == 0
    assert list(Path("results/models/when").iterdir()) == []


def test_sequences_that_come_under_observation_late(folder):
    """As in published evaluations: half are first looked at at the sixth checkpoint."""
    labels = tables.read_table("results/labels.parquet", tables.LABELS)
    late = np.arange(len(labels)) % 2 == 0
    first = labels["first_step"].fillna(0).to_numpy(dtype=np.int64)
    hidden = late & (first > 0) & (first <= 60)
    labels["entry"] = np.where(late, 60, 0).astype(np.int32)
    labels.loc[hidden, ["first_step", "stable_step", "upper"]] = 60
    labels.loc[hidden, "lower"] = 0
    tables.write_table(labels, "results/labels.parquet", tables.LABELS)
    path = Path("results/trajectories.npz")
    trajectories = Trajectories.read(path)
    late_row = np.isin(trajectories.index, labels.loc[late, "index"])
    trajectories.observed[late_row, :5] = False
    trajectories.match_length[~trajectories.observed] = -1
    trajectories.write(path)
    change_params(when={"models": ["exposure_clock", "aft", "cox", "forest", "logistic"]})
    when.main()
    metrics = read_metrics()
    assert metrics["n_left_censored"] == hidden.sum() > 20
    logistic = metrics["reference"]["logistic"]
    assert logistic["concordance"]["low"] > 0.6
    assert logistic["observed_to_expected_at_25"]["value"] == pytest.approx(1, abs=0.35)
    assert metrics["left_out"] == {"forest": "sequences that are looked at from the start"}


def test_baselines_alone_are_refused_before_anything_is_fitted(folder, study):
    write_tables(replace(study, features=study.features[["surprisal.mean"]]), folder / "results")
    change_params(when={"models": ["kaplan_meier", "aft"]})
    kept = folder / "results/models/when/of-an-earlier-run.json"
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.touch()
    message = r"when\.models: only baselines .*'aft' needs the feature .*such as logistic"
    with pytest.raises(UserError, match=message):
        when.main()
    assert kept.exists()
    assert not Path("results/predictions/when.parquet").exists()


def test_without_counts_and_hindsight_the_rest_goes_on(folder, study, capsys):
    features = study.features[["surprisal.mean"]].assign(**{"exposure.hindsight_min_gap": 1.0})
    write_tables(replace(study, features=features), folder / "results")
    change_params(when={"models": ["kaplan_meier", "kaplan_meier_strata", "logistic"]})
    when.main()
    needs = "'kaplan_meier_strata' is left out: it needs the feature 'duplication.continuation"
    assert needs in capsys.readouterr().out
    # What only hindsight knows of the training data makes no tier of its own.
    assert {"text", "corpus", "reference"} & set(read_metrics()) == {"text", "reference"}
    assert read_metrics()["strata"] is None
