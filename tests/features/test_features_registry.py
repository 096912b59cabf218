from __future__ import annotations

import dataclasses
import itertools
import re
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
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


def test_columns_come_in_the_order_of_the_families(inputs):
    table = compute_features(inputs, ["position", "domain"])
    families = [column.partition(".")[0] for column in table]
    assert list(dict.fromkeys(families)) == ["index", "position", "domain"]
    assert families == sorted(families, key=["index", "position", "domain"].index)


def test_a_sequence_has_the_same_features_in_any_company(inputs, table):
    """Rows are computed one by one: no feature may depend on which others are in the sample."""
    rows = np.array([6, 2, 1, 10])  # with both domains, so with all columns
    alone = compute_features(inputs.take(rows), list(FAMILIES))
    expected = table.iloc[rows].reset_index(drop=True)
    assert list(alone) == list(expected)
    assert np.allclose(alone, expected, rtol=1e-5)


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


def test_exact_names_go_before_templates():
    assert feature_of("sibling.n_memorized").name == "n_memorized"
    assert feature_of("sibling.micro-140k_memorized").name == "{model}_memorized"


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
        inputs.take(np.arange(n)),
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
    fewer = compute_features(some.take(rows), list(FAMILIES))
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


def test_what_the_inputs_lack_has_no_column(inputs):
    found = compute_features(dataclasses.replace(inputs, step=None), ["position"])
    assert "position.step" not in found
    assert "position.end_of_text" in found


def test_default_parameters_name_known_families(request):
    params = load_params(request.config.rootpath / "params.yaml")
    assert set(params.features.families) <= FAMILIES.keys()


def test_inputs_of_other_shapes_are_refused(inputs):
    with pytest.raises(ValueError, match="tokens"):
        dataclasses.replace(inputs, tokens=inputs.tokens[:, :60])
    with pytest.raises(ValueError, match="windows"):
        dataclasses.replace(inputs, windows=inputs.windows[:, :60])
    with pytest.raises(ValueError, match="step: 3 entries, expected 12"):
        dataclasses.replace(inputs, step=inputs.step[:3])
