from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import rankdata, spearmanr

from memorization.association.correlation import (
    correlation_table,
    matrix_of,
    spearman,
    weighted_ranks,
)


@pytest.fixture(scope="module")
def features():
    rng = np.random.default_rng(0)
    x = rng.integers(0, 6, 80).astype(float)
    return pd.DataFrame({"x": x, "y": np.exp(x) + rng.normal(0, 9, 80), "z": rng.random(80)})


@pytest.fixture(scope="module")
def weight():
    return np.random.default_rng(1).integers(1, 9, 80)


def test_weights_are_copies(features, weight):
    copies = features.loc[features.index.repeat(weight)]
    for name in features:
        ranks = weighted_ranks(features[name].to_numpy(), weight)
        # Theirs begin at 1, where ours count to the middle of a row's copies.
        assert np.repeat(ranks, weight) == pytest.approx(rankdata(copies[name]) - 0.5)
    assert np.allclose(spearman(features, weight), spearmanr(copies).statistic)


def test_a_constant_correlates_with_nothing(features, weight):
    found = spearman(features.assign(y=7.1), weight)
    assert np.isnan(found[1]).all()
    assert np.isnan(found[:, 1]).all()
    assert np.isfinite(found[[0, 0, 2], [0, 2, 2]]).all()


def test_missing_values_are_the_largest(weight, features):
    holes = features["x"].where(features["x"] > 0)
    filled = holes.fillna(99.0)
    expected = spearman(features.assign(x=filled), weight)
    assert np.allclose(spearman(features.assign(x=holes), weight), expected)


def test_the_table_holds_each_pair_once(features, weight):
    table = correlation_table(features, weight)
    assert table[["feature", "other"]].to_numpy().tolist() == [["x", "y"], ["x", "z"], ["y", "z"]]
    assert np.allclose(matrix_of(table, ["x", "y", "z"]), spearman(features, weight))
    assert np.allclose(matrix_of(table, ["z", "x"]), spearman(features[["z", "x"]], weight))
