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
from memorization.stages import when
from memorization.when.models import MODELS

ROOT = Path(__file__).parents[2]
STEPS = 10 * np.arange(1, 13)


@pytest.fixture
def study(sample, tmp_path, monkeypatch):
    """A folder with all that the stage reads; rows of the tables in different orders."""
    monkeypatch.chdir(tmp_path)
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    params["bootstrap"]["replicates"] = 20
    params["threads"] = 1
    Path("params.yaml").write_text(yaml.safe_dump(params))
    Path("results/suite").mkdir(parents=True)
    manifest = {
        "models": [{"name": params["target"], "parameters": 1}],
        "steps": STEPS.tolist(),
        "sequences_per_step": 8,
    }
    Path("results/suite/manifest.json").write_text(json.dumps(manifest))
    write_inputs(sample)
    return tmp_path


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
    assert len(runs) == 2 + 4 * 4
    assert {name for _, name in runs} == set(MODELS)
    survival = tables.survival_matrix(predictions["survival"])
    assert survival.shape == (len(runs) * len(sample.targets), 12)
    for tier, name in runs:
        path = Path(f"results/models/when/{tier}-{name}{MODELS[name].suffix}")
        assert MODELS[name].load(path).survival(sample.features).shape == (400, 12)

    metrics = json.loads(Path("results/metrics/when.json").read_text())
    assert metrics["n_events"] == sample.targets.event.sum()
    assert metrics["event"] == "first"
    hazard = metrics["sibling"]["hazard"]["concordance"]
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
