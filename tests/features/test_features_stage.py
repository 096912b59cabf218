from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
import yaml

from memorization.features import compute_features
from memorization.stages import features as stage
from memorization.suite.checkpoints import save_checkpoint
from memorization.tables import (
    EXPOSURES,
    FEATURES,
    SEQUENCES,
    read_table,
    token_column,
    write_table,
)


@pytest.fixture
def study(inputs, tmp_path, monkeypatch, request) -> Path:
    """A folder as the stages before leave it, in which the current target is the largest model."""
    params = yaml.safe_load((request.config.rootpath / "params.yaml").read_text())
    shape = {"hidden": 16, "layers": 1, "heads": 2}
    params["suite"]["models"] = {"micro-1k": shape, "micro-2k": shape, "micro-3k": shape}
    params["target"] = "micro-3k"
    params["threads"] = 1
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params))
    suite = tmp_path / "results" / "suite"
    suite.mkdir(parents=True)
    models = [{"name": f"micro-{size}k", "parameters": 1000 * size} for size in (1, 2, 3)]
    manifest = {
        "suite": "micro",
        "models": models,
        "steps": [5, 10],
        "sequences_per_step": 4,
        "population": len(inputs.windows),
    }
    (suite / "manifest.json").write_text(json.dumps(manifest))
    for name, model in inputs.siblings.items():
        save_checkpoint(model, suite / name / "step10")
    np.save(suite / "windows.npy", inputs.windows)
    place, begin = inputs.corpus_place.T
    documents = {"offset": place - begin, "length": place - begin + 100, "place": place}
    parquet.write_table(pa.table(documents), suite / "documents.parquet")
    (suite / "evals").mkdir()
    for name, memorized in inputs.memorized.items():
        index = inputs.index[memorized]
        parquet.write_table(pa.table({"index": index}), suite / "evals" / f"{name}.parquet")
    inputs.tokenizer.save(str(suite / "tokenizer.json"))
    sequences = pd.DataFrame(
        {
            "index": inputs.index,
            "step": inputs.step,
            "tokens": token_column(inputs.tokens),
            "domain": inputs.domain,
            "case": False,
            "weight": 1.0,
            "followed": True,
            "when_weight": 1.0,
        }
    )
    write_table(sequences, tmp_path / "results" / "sequences.parquet", SEQUENCES)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_stage_writes_the_features_of_the_sequences(study, inputs):
    stage.main()
    written = read_table(study / "results" / "features.parquet", FEATURES)
    families = yaml.safe_load((study / "params.yaml").read_text())["features"]["families"]
    # What a suite trained here does not have: published counts, and a second epoch.
    expected = compute_features(replace(inputs, duplicates=None, epoch=None), families)
    pd.testing.assert_frame_equal(written, expected, rtol=1e-5)
    stage.main()
    again = read_table(study / "results" / "features.parquet", FEATURES)
    pd.testing.assert_frame_equal(again, written, check_exact=True)


def test_stage_writes_the_exposures_by_each_checkpoint(study, inputs):
    stage.main()
    exposures = read_table(study / "results" / "exposures.parquet", EXPOSURES)
    features = read_table(study / "results" / "features.parquet", FEATURES)
    assert exposures["step"].tolist() == [5, 10] * len(inputs.index)
    at_the_end = exposures.loc[exposures["step"] == 10, "count"]
    assert at_the_end.tolist() == features["duplication.sequence_count"].tolist()
    assert exposures.loc[exposures["step"] == 5, "count"].tolist()[3:7] == [4] * 4


def test_the_smallest_model_is_predicted_without_any_model(study):
    params = yaml.safe_load((study / "params.yaml").read_text())
    params["target"] = "micro-1k"
    (study / "params.yaml").write_text(yaml.safe_dump(params))
    stage.main()
    columns = list(read_table(study / "results" / "features.parquet", FEATURES))
    assert not any(column.startswith(("surprisal.", "sibling.")) for column in columns)
    assert "duplication.sequence_count" in columns
