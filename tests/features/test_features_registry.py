from __future__ import annotations

import dataclasses
import itertools
import os
import re
import shutil
import subprocess
import sys
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from features.conftest import taken
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from memorization.errors import UserError
from memorization.features import (
    FAMILIES,
    Family,
    Feature,
    Inputs,
    compute_features,
    family_table,
    feature_of,
    feature_table,
    features_of_tier,
    grouped_table,
)
from memorization.features.registry import MODULES
from memorization.params import load_params
from memorization.protocol import TIERS

VOCABULARY = 280


@pytest.fixture(scope="module")
def table(inputs):
    return compute_features(inputs, list(FAMILIES))


def test_every_column_is_finite_and_declared_and_every_feature_is_computed(table):
    values = table.drop(columns="index")
    assert np.isfinite(values).all(axis=None)
    assert (values.dtypes == "float64").all()
    computed = {feature_of(column) for column in values}
    assert computed == {feature for family in FAMILIES.values() for feature in family.features}


def test_the_constant_and_the_end_of_text_sequence(table):
    constant, ended = table.iloc[1], table.iloc[2]
    assert constant["duplication.sequence_count"] == 80 - 64 + 1
    assert constant["repetition.sequence_period"] == ended["repetition.sequence_period"] == 1
    assert constant["position.end_of_text"] == 64
    assert ended["position.end_of_text"] == 0
    assert constant["compressibility.token_entropy"] == 0


def test_rows_longer_than_sequences_are_known_of_all_or_of_none(inputs):
    rows = np.where(np.arange(12) == 3, -1, inputs.rows)
    with pytest.raises(ValueError, match="11 of 12 sequences begin a row of more than 64 tokens"):
        dataclasses.replace(inputs, rows=rows)
    dataclasses.replace(inputs, rows=rows, windows=inputs.windows[:, :64])
    dataclasses.replace(inputs, rows=np.full(12, -1))


def test_the_smallest_target_has_neither_reference_nor_siblings(inputs):
    smallest = dataclasses.replace(inputs, reference=None, memorized={}, siblings={})
    columns = list(compute_features(smallest, list(FAMILIES)))
    assert features_of_tier(columns, "sibling") == features_of_tier(columns, "corpus")


def test_tiers_are_cumulative(table):
    nested = [features_of_tier(table, tier) for tier in TIERS]
    for lower, upper in pairwise(nested):
        assert set(lower) < set(upper)
    assert nested[-1] == list(table)[1:]
    assert "sibling.micro-2k_match_length" in set(nested[3]) - set(nested[2])
    assert "position.end_of_text" in nested[0]
    assert "position.step" not in nested[0]


def test_unknown_tier_or_column_is_a_defect():
    with pytest.raises(ValueError, match="not in tuple"):
        features_of_tier(["position.step"], "target")
    for column in ("position.nothing", "nothing.step", "step"):
        with pytest.raises(ValueError, match="not a feature"):
            features_of_tier([column], "text")


def test_unknown_and_repeated_families(inputs):
    with pytest.raises(UserError, match=r"no family 'semantics'.*duplication, .*sibling"):
        compute_features(inputs, ["semantics"])
    with pytest.raises(UserError, match="'position' is listed twice"):
        compute_features(inputs, ["position", "position"])


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"a": np.zeros(12), "b": np.zeros(12)}, "computed 'b'"),
        ({"c_x": np.zeros(12)}, r"misses: \['a'\]"),
        ({"a": np.full(12, np.nan)}, "12 finite numbers"),
        ({"a": np.zeros(3)}, "12 finite numbers"),
    ],
)
def test_a_family_that_breaks_its_word_is_a_defect(inputs, monkeypatch, columns, message):
    features = (Feature("a", "text", "…", "?", "…"), Feature("c_{name}", "text", "…", "?", "…"))
    monkeypatch.setitem(FAMILIES, "bad", Family("bad", features, lambda _: columns))
    with pytest.raises(ValueError, match=message):
        compute_features(inputs, ["bad"])


def rows_of_tokens():
    """Rows of any tokens, of few, of one, periodic ones, and what the corpus holds."""
    few = st.lists(st.sampled_from([0, 1, 40, 70, 199]), min_size=64, max_size=64)
    block = st.lists(st.integers(0, VOCABULARY - 1), min_size=1, max_size=40)
    return st.one_of(
        arrays(np.int32, 64, elements=st.integers(0, VOCABULARY - 1)),
        few.map(lambda row: np.array(row, np.int32)),
        block.map(lambda own: np.resize(np.array(own, np.int32), 64)),
        st.integers(0, 39).map(lambda row: ("corpus", row)),
    )


@settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # shrinking would take minutes
)
@given(st.data())
def test_any_rows_have_finite_features_in_any_company_and_the_same_again(inputs, data):
    drawn = data.draw(st.lists(rows_of_tokens(), min_size=2, max_size=6))
    own = np.array([row[1] if isinstance(row, tuple) else -1 for row in drawn])
    tokens = [inputs.windows[row[1], :64] if isinstance(row, tuple) else row for row in drawn]
    n = len(drawn)
    some = dataclasses.replace(
        taken(inputs, np.arange(n)),
        tokens=np.array(tokens, np.int32),
        windows=inputs.windows[:, :64],
        rows=own,
        domain=np.full(n, None, dtype=object),
    )
    table = compute_features(some, list(FAMILIES))
    assert np.isfinite(table.to_numpy()).all()
    again = compute_features(some, list(FAMILIES))
    assert again.to_numpy().tobytes() == table.to_numpy().tobytes()
    rows = np.array(data.draw(st.permutations(range(n)))[: data.draw(st.integers(1, n))])
    fewer = compute_features(taken(some, rows), list(FAMILIES))
    expected = table.iloc[rows].reset_index(drop=True)
    # What a model computes is rounded as its batches fall; all else is the same to the last bit.
    exact = [name for name in table if not name.startswith(("surprisal.", "sibling."))]
    pd.testing.assert_frame_equal(fewer[exact], expected[exact], check_exact=True)
    pd.testing.assert_frame_equal(fewer, expected, rtol=1e-4, atol=1e-5)


def test_table_for_the_paper_lists_every_feature_once():
    table = feature_table()
    assert not table.duplicated(["family", "feature"]).any()
    assert set(table["tier"]) == set(TIERS)
    assert table["hypothesis"].str.endswith(".").all()
    assert (table["cost"] != "").all(), "every feature says what it takes to compute"
    needs = {feature.needs for family in FAMILIES.values() for feature in family.features}
    assert needs - {""} <= {field.name for field in dataclasses.fields(Inputs)}


def test_grouped_table_stands_for_every_feature_once():
    grouped, table = grouped_table(), feature_table()
    assert grouped["count"].sum() == len(table)
    assert len(grouped) < 0.75 * len(table)
    for name, family in table.groupby("family"):
        own = grouped[grouped["family"] == name]
        names = [feature for row in own["feature"] for feature in alternatives(row)]
        assert sorted(names) == sorted(family["feature"])


def alternatives(row):
    """Return the names that a row of the grouped table stands for."""
    names = []
    for name in re.split(r", (?![^{]*\})", row):
        pieces = re.split(r"\{([^{}]*,[^{}]*)\}", name)
        names += map("".join, itertools.product(*(piece.split(",") for piece in pieces)))
    return names


def test_families_say_what_they_are_about_and_what_they_cost():
    families = family_table()
    assert families["family"].tolist() == list(FAMILIES)
    assert families["question"].str.fullmatch(r"[A-Z].*\.").all()
    assert families["count"].sum() == len(feature_table())
    assert (families["cost"] != "").all()


def test_default_parameters_name_every_family_but_the_optional_ones(request):
    assert len(MODULES) == len(FAMILIES)
    params = load_params(request.config.rootpath / "params.yaml")
    optional = ("register", "layout")
    assert [name for name in FAMILIES if name not in optional] == list(params.features.families)


def test_inputs_of_other_shapes_are_refused(inputs):
    with pytest.raises(ValueError, match="tokens"):
        dataclasses.replace(inputs, tokens=inputs.tokens[:, :60])
    with pytest.raises(ValueError, match="windows"):
        dataclasses.replace(inputs, windows=inputs.windows[:, :60])
    with pytest.raises(ValueError, match="step: 3 entries, expected 12"):
        dataclasses.replace(inputs, step=inputs.step[:3])


def test_a_new_family_is_one_file_and_one_line(tmp_path, request):
    """In a copy of the package: it is computed, has a tier, and is in the tables of the report."""
    shutil.copytree(request.config.rootpath / "src/memorization", tmp_path / "memorization")
    folder = tmp_path / "memorization/features"
    (folder / "parity.py").write_text(NEW_FAMILY)
    registry = (folder / "registry.py").read_text()
    (folder / "registry.py").write_text(
        registry.replace('    "position",\n', '    "position",\n    "parity",\n')
    )
    done = subprocess.run(
        [sys.executable, "-c", USE_IT],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split("\n")[:4] == [
        "[0.5, 1.0]", "text", "How many of the tokens are even.", "An even token is half known."
    ]  # fmt: skip


NEW_FAMILY = '''
"""How many of the tokens are even. A family made up for a test."""
from memorization.features.family import Family, declare
FAMILY = Family(
    "parity",
    declare("text", "arithmetic", [("even", "?", "An even token is half known.")]),
    lambda inputs: {"even": (inputs.tokens % 2 == 0).mean(axis=1)},
)
'''
USE_IT = """
import numpy as np
from tokenizers import Tokenizer, models
from memorization.features import (
    Sources, family_table, feature_of, features_of, features_of_tier, grouped_table)
sources = Sources(Tokenizer(models.BPE({"<|endoftext|>": 0, "a": 1, "b": 2}, [])))
found = features_of(np.array([[1, 2] * 32, [2] * 64]), sources, families=["parity"])
assert features_of_tier(found, "text") == ["parity.even"]
print(found["parity.even"].tolist(), feature_of("parity.even").tier, sep="\\n")
print(*family_table().query("family == 'parity'")["question"])
print(*grouped_table().query("family == 'parity'")["hypothesis"])
"""
