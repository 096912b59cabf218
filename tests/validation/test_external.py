"""Labels of another model, kept without text: the same scores come out, and stale tables do not."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as parquet
import pytest
from made_up_texts import lists_and_words

from memorization.errors import UserError
from memorization.evaluation.bootstrap import Bootstrap
from memorization.features.own.command import read_tokenizer
from memorization.features.use import Sources
from memorization.validation import external as module
from memorization.validation.analyse import PLAIN, WAYS, out_of_fold, validate
from memorization.validation.command import score_ways
from memorization.validation.external import (
    KEY,
    ROWS,
    compared,
    read_external,
    transferred,
    write_external,
)
from memorization.validation.read import Labelled
from memorization.whether.models.boosting import Boosting

ROOT = Path(__file__).parents[2]
ABOUT = {"labels": "made-up labels", "source": "nowhere", "licence": "CC0-1.0"}


@pytest.fixture(scope="module")
def ways():
    texts, truth = lists_and_words(90, seed=0)
    return score_ways(Labelled(texts, truth, {}), Sources(read_tokenizer("bytes")), 20, 0)


@pytest.fixture(scope="module")
def table(ways, tmp_path_factory):
    path = tmp_path_factory.mktemp("external") / "labels.parquet"
    write_external(path, ways, ABOUT)
    return path


def test_without_the_texts_the_same_scores_come_out(ways, table):
    external = read_external(table)
    assert external.about == ABOUT
    assert list(external.studies) == list(WAYS)
    for way, study in external.studies.items():
        assert study.text is None
        bootstrap = Bootstrap.of(study.cluster, 20, 0.95, np.random.default_rng(0))
        found = validate(study, out_of_fold(study, ngrams=external.stored[way]), bootstrap)
        own = ways[way].found
        assert external.told[way]["given"] == own["given"]
        for name in ("n", "cases", "clusters"):
            assert found[name] == own[name]
        for model, scores in found["scores"].items():
            expected = own["scores"][model]["auroc"]["value"]
            # Features are kept to five digits.
            assert scores["auroc"]["value"] == pytest.approx(expected, abs=0.02), model
        assert (
            found["scores"]["ngrams"]["auroc"]["value"] == own["scores"]["ngrams"]["auroc"]["value"]
        )


def test_the_table_holds_numbers_and_no_text(table):
    schema = parquet.read_schema(table)
    assert schema.names[: len(ROWS)] == list(ROWS)
    kinds = {str(schema.field(name).type) for name in schema.names if name != "way"}
    assert kinds <= {"bool", "int64", "int32", "double"}


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda path: path.unlink(), "no such table"),
        (lambda path: path.write_bytes(b"PAR1"), "not a table of labels without text"),
        (lambda path: pd.DataFrame({"a": [1]}).to_parquet(path), "not a table of labels"),
    ],
)
def test_what_is_no_such_table_is_refused(table, tmp_path, damage, message):
    path = tmp_path / "t.parquet"
    path.write_bytes(table.read_bytes())
    damage(path)
    with pytest.raises(UserError, match=message):
        read_external(path)


def test_a_table_of_features_by_other_code_is_refused(table, monkeypatch):
    said = json.loads(parquet.read_schema(table).metadata[KEY])
    assert {"surface", "compressibility"} <= said["code"].keys()
    monkeypatch.setattr(module, "code_digest", lambda name: "another")
    with pytest.raises(UserError, match=r"has changed since it was made: .*surface.*mempi\.py"):
        read_external(table)


def test_models_from_elsewhere_are_applied_as_they_are(ways):
    study = ways[PLAIN].study
    bootstrap = Bootstrap.of(study.cluster, 20, 0.95, np.random.default_rng(0))
    everything = np.arange(len(study))
    own = Boosting.fit(study, everything, np.random.default_rng(0))
    other = Boosting.fit(_renamed(study, "lacking."), everything, np.random.default_rng(0))
    found = transferred(study, {"own": own, "other": other}, bootstrap)
    assert found["own"]["value"] > 0.9
    assert found["other"] is None


def _renamed(study, prefix):
    import dataclasses

    return dataclasses.replace(study, features=study.features.add_prefix(prefix))


def test_features_are_compared_by_their_sides():
    here = pd.DataFrame(
        {
            "feature": list("abcdef"),
            "auroc": [0.7, 0.3, 0.6, 0.5, 0.8, np.nan],
            "observed": ["+", "-", "0", "0", "+", "0"],
        }
    )
    there = pd.DataFrame(
        {
            "feature": list("abcdfx"),
            "auroc": [0.6, 0.7, 0.8, 0.9, 0.9, 0.1],
            "observed": ["+", "+", "+", "+", "+", "-"],
        }
    )
    found = compared(here, there)
    # d is of no side here, e is not there, f is not known here.
    assert (found["features"], found["same_way"]) == (3, 2)
    assert (found["decided"], found["decided_same_way"]) == (2, 1)
    expected = np.corrcoef([0.7, 0.3, 0.6], [0.6, 0.7, 0.8])[0, 1]
    assert found["correlation"] == pytest.approx(expected)


def test_the_table_of_the_repository_is_of_this_code():
    external = read_external(ROOT / "external/mempi.parquet")
    plain = external.studies[PLAIN]
    assert (len(plain), int(plain.truth.sum())) == (2551, 505)
    assert external.about["licence"] == "Apache-2.0"
