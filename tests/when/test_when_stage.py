"""The stage on simulated tables, from files to files."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from memorization import tables
from memorization.errors import UserError
from memorization.files import write_metrics
from memorization.labels.trajectories import Trajectories
from memorization.stages import when
from memorization.when.models import MODELS

ROOT = Path(__file__).parents[2]
STEPS = 10 * np.arange(1, 13)
COST = {"gigabytes": 419.0, "gpu_hours": {"A100": 4.2}}


@pytest.fixture
def study(sample, tmp_path, monkeypatch):
    """A folder with all that the stage reads; rows of the tables in different orders."""
    monkeypatch.chdir(tmp_path)
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    params["bootstrap"]["replicates"] = 20
    params["threads"] = 1
    Path("params.yaml").write_text(yaml.safe_dump(params))
    write_inputs(sample)
    write_times({"source": "scan", "reason": "the checkpoints are on disk", "cost": COST})
    return tmp_path


def write_times(times):
    write_metrics({"times": times}, "results/metrics/labels.json")


def write_inputs(sample):
    n = len(sample.targets)
    index = np.arange(n, dtype=np.int64) * 3
    event, at = sample.targets.event, sample.targets.time - 1
    step = pd.arrays.IntegerArray(STEPS[at].astype(np.int32), ~event)
    before = np.concatenate([[0], STEPS])[at].astype(np.int32)
    labels = pd.DataFrame(
        {
            "index": index,
            "memorized": event,
            "match_length": np.where(event, 32, 3).astype(np.int8),
            "first_step": step,
            "stable_step": step,
            "entry": np.zeros(n, np.int32),
            "lower": np.where(event, before, STEPS[-1]).astype(np.int32),
            "upper": step,
        }
    )
    features = sample.features.copy()
    features.insert(0, "index", index)
    tokens = np.zeros((n, 64), dtype=np.int32)
    sequences = pd.DataFrame(
        {
            "index": index,
            "step": np.ones(n, np.int32),
            "tokens": tables.token_column(tokens),
            "domain": pd.Series([None] * n, dtype=object),
            "case": event,
            "weight": sample.weight,
        }
    )
    fold = (np.arange(n) % 3).astype(np.int32)
    splits = pd.DataFrame({"index": index, "cluster": np.arange(n)})
    for column in tables.SPLITS.columns:
        if column.startswith("fold"):
            splits[column] = fold
    splits["exposed"] = False
    unknown = np.full((n, len(STEPS)), -1)
    Trajectories(index, STEPS, unknown, unknown * 1.0, unknown < 0).write(
        "results/trajectories.npz"
    )
    for name, table, schema in [
        ("labels", labels, tables.LABELS),
        ("features", features[::-1], tables.FEATURES),
        ("sequences", sequences, tables.SEQUENCES),
        ("splits", splits[::-1], tables.SPLITS),
    ]:
        tables.write_table(table, f"results/{name}.parquet", schema)


def written(folder):
    files = [*(folder / "results/predictions").iterdir(), *(folder / "results/models").rglob("*")]
    files.append(folder / "results/metrics/when.json")
    return {str(f.relative_to(folder)): f.read_bytes() for f in files if f.is_file()}


def test_stage_writes_everything_and_the_same_again(study, sample):
    stale = Path("results/models/when/text-gone.json")
    stale.parent.mkdir(parents=True)
    stale.write_text("{}")
    when.main()
    first = written(study)
    assert not stale.exists()

    predictions = tables.read_table("results/predictions/when.parquet", tables.WHEN)
    runs = set(zip(predictions["tier"], predictions["model"], strict=True))
    # No sibling is known, so that the sibling tier adds nothing.
    assert len(runs) == 2 + 3 * 4
    assert {name for _, name in runs} == set(MODELS)
    survival = tables.survival_matrix(predictions["survival"])
    assert survival.shape == (len(runs) * len(sample.targets), 12)
    for tier, name in runs:
        path = Path(f"results/models/when/{tier}-{name}{MODELS[name].suffix}")
        assert MODELS[name].load(path).survival(sample.features).shape == (400, 12)

    metrics = json.loads(Path("results/metrics/when.json").read_text())
    assert metrics["n_events"] == sample.targets.event.sum()
    assert metrics["event"] == "first"
    assert metrics["done"] is True
    assert metrics["left_out"] == {}
    hazard = metrics["reference"]["hazard"]["concordance"]
    assert hazard["low"] < hazard["value"] < hazard["high"]
    # The rows were joined by index, in spite of their order: the features tell the times.
    assert hazard["low"] > 0.6
    assert metrics["text"]["kaplan_meier"]["concordance"]["value"] == pytest.approx(0.5)

    shutil.rmtree("results/predictions")
    when.main()
    assert written(study) == first


def test_unknown_model_is_explained(study):
    params = yaml.safe_load(Path("params.yaml").read_text())
    params["when"]["models"] = ["weibull"]
    Path("params.yaml").write_text(yaml.safe_dump(params))
    with pytest.raises(UserError, match="no model 'weibull'; the models are: kaplan_meier"):
        when.main()


def test_a_table_of_another_run_is_refused(study):
    splits = tables.read_table("results/splits.parquet", tables.SPLITS)
    tables.write_table(splits[:-1], "results/splits.parquet", tables.SPLITS)
    with pytest.raises(UserError, match=r"results/splits.parquet: not about the sequences"):
        when.main()


@pytest.mark.parametrize("why", ["no source", "one checkpoint", "few events"])
def test_what_cannot_be_asked_is_written_down_and_the_pipeline_goes_on(study, sample, why):
    labels = tables.read_table("results/labels.parquet", tables.LABELS)
    if why == "no source":
        write_times({"source": "none", "reason": "there is no GPU", "cost": COST})
    if why == "one checkpoint":
        index, one = labels["index"].to_numpy(), np.full((len(labels), 1), -1)
        Trajectories(index, STEPS[-1:], one, one * 1.0, one < 0).write("results/trajectories.npz")
    if why != "no source":
        few = labels["first_step"].notna().cumsum() > 9
        labels.loc[few | (why == "one checkpoint"), ["first_step", "stable_step", "upper"]] = pd.NA
    tables.write_table(labels, "results/labels.parquet", tables.LABELS)
    when.main()
    metrics = json.loads(Path("results/metrics/when.json").read_text())
    assert metrics["done"] is False
    assert metrics["cost"] == COST
    expected = {
        "no source": "no GPU",
        "one checkpoint": "one checkpoint",
        "few events": "only 9 of",
    }
    assert expected[why] in metrics["reason"]
    for name, schema in [
        ("when", tables.WHEN),
        ("kaplan_meier", tables.KAPLAN_MEIER),
        ("when_calibration", tables.WHEN_CALIBRATION),
    ]:
        assert len(tables.read_table(f"results/predictions/{name}.parquet", schema)) == 0
    assert list(Path("results/models/when").iterdir()) == []


def test_sequences_that_come_under_observation_late(study, sample):
    """As in published evaluations: half are first looked at at the sixth checkpoint."""
    labels = tables.read_table("results/labels.parquet", tables.LABELS)
    late = np.arange(len(labels)) % 2 == 0
    first = labels["first_step"].fillna(0).to_numpy(dtype=np.int64)
    hidden = late & (first > 0) & (first <= 60)
    labels["entry"] = np.where(late, 60, 0).astype(np.int32)
    labels.loc[hidden, ["first_step", "stable_step", "upper"]] = 60
    labels.loc[hidden, "lower"] = 0
    tables.write_table(labels, "results/labels.parquet", tables.LABELS)
    params = yaml.safe_load(Path("params.yaml").read_text())
    params["when"]["models"] = ["kaplan_meier", "forest", "hazard"]
    Path("params.yaml").write_text(yaml.safe_dump(params))
    when.main()
    metrics = json.loads(Path("results/metrics/when.json").read_text())
    assert metrics["n_left_censored"] == hidden.sum() > 20
    for name in ("forest", "hazard"):
        assert metrics["reference"][name]["concordance"]["low"] > 0.6
        ratio = metrics["reference"][name]["observed_to_expected_at_25"]["value"]
        assert ratio == pytest.approx(1, abs=0.35)


def test_without_duplicate_counts_the_rest_goes_on(study, sample, capsys):
    features = tables.read_table("results/features.parquet", tables.FEATURES)
    features = features.drop(columns="duplication.sequence_count")
    tables.write_table(features, "results/features.parquet", tables.FEATURES)
    params = yaml.safe_load(Path("params.yaml").read_text())
    params["when"]["models"] = ["kaplan_meier", "kaplan_meier_strata", "hazard"]
    Path("params.yaml").write_text(yaml.safe_dump(params))
    when.main()
    said = capsys.readouterr().out
    assert "'kaplan_meier_strata' is left out: it needs the feature 'duplication.con" in said
    metrics = json.loads(Path("results/metrics/when.json").read_text())
    assert metrics["left_out"] == {"kaplan_meier_strata": "duplication.continuation_count"}
    curves = tables.read_table("results/predictions/kaplan_meier.parquet", tables.KAPLAN_MEIER)
    assert set(curves["stratum"]) == {"all"}
