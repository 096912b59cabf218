from __future__ import annotations

import dataclasses
from itertools import pairwise

import numpy as np
import pytest

from memorization.errors import UserError
from memorization.features import (
    FAMILIES,
    Family,
    Feature,
    compute_features,
    feature_of,
    feature_table,
    features_of_tier,
)
from memorization.params import load_params
from memorization.protocol import TIERS


@pytest.fixture(scope="module")
def table(inputs):
    return compute_features(inputs, list(FAMILIES))


def select(inputs, rows):
    return dataclasses.replace(
        inputs,
        index=inputs.index[rows],
        tokens=inputs.tokens[rows],
        step=inputs.step[rows],
        domain=inputs.domain[rows],
    )


def test_every_column_is_finite_and_declared_and_every_feature_is_computed(table):
    values = table.drop(columns="index")
    assert np.isfinite(values).all(axis=None)
    assert (values.dtypes == "float64").all()
    computed = {feature_of(column) for column in values}
    assert computed == {feature for family in FAMILIES.values() for feature in family.features}


def test_columns_come_in_the_order_of_the_families(inputs):
    table = compute_features(inputs, ["position", "domain"])
    assert list(table) == [
        "index",
        "position.end_of_text",
        "position.has_end_of_text",
        "position.step",
        "domain.code",
        "domain.law",
    ]


def test_a_sequence_has_the_same_features_in_any_company(inputs, table):
    """Rows are computed one by one: no feature may depend on which others are in the sample."""
    rows = np.array([6, 2, 1, 10])  # with both domains, so with all columns
    alone = compute_features(select(inputs, rows), list(FAMILIES))
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


def test_the_smallest_target_has_neither_reference_nor_siblings(inputs):
    smallest = dataclasses.replace(inputs, reference=None, siblings={})
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


def test_table_for_the_paper_lists_every_feature_once():
    table = feature_table()
    assert not table.duplicated(["family", "feature"]).any()
    assert set(table["tier"]) == set(TIERS)
    assert table["hypothesis"].str.endswith(".").all()


def test_default_parameters_name_known_families(request):
    params = load_params(request.config.rootpath / "params.yaml")
    assert set(params.features.families) <= FAMILIES.keys()


def test_inputs_of_other_shapes_are_refused(inputs):
    with pytest.raises(ValueError, match="tokens"):
        dataclasses.replace(inputs, tokens=inputs.tokens[:, :60])
    with pytest.raises(ValueError, match="windows"):
        dataclasses.replace(inputs, windows=inputs.windows[:, :60])
    with pytest.raises(ValueError, match="12 entries"):
        dataclasses.replace(inputs, step=inputs.step[:3])
