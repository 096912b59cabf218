from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
import yaml

from memorization.association.analyse import associate, n_steps
from memorization.errors import UserError
from memorization.stages import association as stage
from memorization.tables import (
    ASSOCIATION,
    CORRELATION,
    FEATURES,
    LABELS,
    SEQUENCES,
    SPLITS,
    read_table,
    token_column,
    write_table,
)


@pytest.fixture(scope="module")
def found(sample):
    steps = []
    found = associate(sample, 100, 0.9, np.random.default_rng(2), steps.append)
    assert sum(steps) == n_steps(sample.features)
    return found


def test_tables_keep_their_schemas(found):
    ASSOCIATION.validate(found.univariate)
    CORRELATION.validate(found.correlation)


def test_families_get_the_verdict_that_they_deserve(found):
    families = found.metrics["families"]
    assert {name: family["verdict"] for name, family in families.items()} == {
        "repetition": "no signal",
        "duplication": "useful",
        "position": "no signal",
        "surprisal": "redundant",
    }
    surprisal = families["surprisal"]
    assert surprisal["best"] == "surprisal.mean"
    assert (surprisal["nearest"], surprisal["nearest_spearman"]) == (
        "duplication.sequence_count",
        pytest.approx(-1),
    )
    assert surprisal["told_apart"] == 1
    # The best feature is the one furthest from chance, on either side.
    row = found.univariate.set_index("feature").loc["surprisal.mean"]
    assert surprisal["best_auroc"] == {name: row[name] for name in ("low", "high")} | {
        "value": row["auroc"]
    }
    assert found.metrics["agreement"] == {
        "agrees": 2,
        "contradicts": 0,
        "open": 1,
        "undecided": 3,
        "constant": 1,
        "told_apart": 3,
        "undecided_open": 1,
    }


def test_one_family_has_no_nearest(sample):
    alone = dataclasses.replace(sample, features=sample.features[["position.step"]])
    family = associate(alone, 20, 0.9, np.random.default_rng(0)).metrics["families"]["position"]
    assert family["nearest"] is None


def test_nothing_to_tell_apart(sample):
    none = dataclasses.replace(sample, truth=np.zeros_like(sample.truth))
    with pytest.raises(UserError, match="nothing to tell apart"):
        associate(none, 20, 0.9, np.random.default_rng(0))


def test_stage(sample, tmp_path, monkeypatch, request):
    """The stage writes tables that can be read back, the same bytes twice."""
    params = yaml.safe_load((request.config.rootpath / "params.yaml").read_text())
    params["bootstrap"]["replicates"] = 20
    params["threads"] = 1
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params))
    results = tmp_path / "results"
    n, index = len(sample.index), sample.index
    step = np.ones(n, np.int32)
    sequences = pd.DataFrame({"index": index, "step": step})
    sequences["tokens"] = token_column(np.zeros((n, 64), np.int32))
    sequences["domain"] = pd.Series([None] * n, dtype=object)
    sequences["case"], sequences["weight"] = sample.truth, sample.weight
    labels = pd.DataFrame({"index": index, "memorized": sample.truth})
    labels["match_length"] = np.where(sample.truth, 32, 0).astype(np.int8)
    for name in ("first_step", "stable_step"):
        labels[name] = pd.array(np.where(sample.truth, 1, None), dtype="Int32")
    labels["entry"], labels["lower"] = np.int32(0), np.int32(0)
    labels["upper"] = labels["first_step"]
    splits = sample.splits.astype({"cluster": "int64", "fold": "int32"})
    splits.insert(0, "index", index)
    splits["fold_continuation"] = splits["fold_random"] = splits["fold"]
    splits["exposed"] = False
    features = sample.features.copy()
    features.insert(0, "index", index)
    for table, name, schema in (
        (sequences, "sequences", SEQUENCES),
        (labels, "labels", LABELS),
        (splits, "splits", SPLITS),
        (features.iloc[::-1], "features", FEATURES),
    ):
        write_table(table, results / f"{name}.parquet", schema)
    monkeypatch.chdir(tmp_path)
    written = []
    for _ in range(2):
        stage.main()
        names = ("predictions/association.parquet", "predictions/correlation.parquet")
        files = [results / name for name in (*names, "metrics/association.json")]
        written.append([file.read_bytes() for file in files])
    assert written[0] == written[1]
    table = read_table(results / "predictions/association.parquet", ASSOCIATION)
    assert table["feature"].tolist() == list(sample.features)
    assert len(read_table(results / "predictions/correlation.parquet", CORRELATION)) == 21
