from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from memorization.association.univariate import univariate
from memorization.evaluation.bootstrap import cluster_multiplicities


@pytest.fixture(scope="module")
def table(sample):
    drawn = cluster_multiplicities(sample.splits["cluster"], 200, np.random.default_rng(1))
    found = univariate(sample.features, sample.truth, sample.weight, drawn, 0.9)
    return found.set_index("feature"), drawn


def test_values_and_intervals_are_scikit_learns(sample, table):
    """The interval from one call a replicate, rows repeated as drawn."""
    found, drawn = table
    for name in ("duplication.sequence_count", "position.step"):
        values = sample.features[name]
        row = found.loc[name]
        expected = roc_auc_score(sample.truth, values, sample_weight=sample.weight)
        assert row["auroc"] == pytest.approx(expected)
        replicates = [
            roc_auc_score(sample.truth, values, sample_weight=sample.weight * times)
            for times in drawn
        ]
        low, high = np.quantile(replicates, [0.05, 0.95])
        assert row[["low", "high"]].tolist() == pytest.approx([low, high])


def test_what_is_known_of_the_sample_is_found(table):
    found, _ = table
    assert found["observed"].to_dict() == {
        "repetition.longest_run": "0",
        "duplication.sequence_count": "+",
        "duplication.prompt_count": "+",
        "position.end_of_text": "0",
        "position.step": "0",
        "surprisal.mean": "-",
        "surprisal.max": "0",
    }
    assert found.loc["duplication.sequence_count", "agreement"] == "agrees"
    assert found.loc["surprisal.mean", ["expected", "agreement"]].tolist() == ["-", "agrees"]
    assert found.loc["repetition.longest_run", "agreement"] == "undecided"
    # Told from chance, without expectation; not told, whatever was expected; not to be told.
    assert found.loc["duplication.prompt_count", "agreement"] == "open"
    assert found.loc["position.step", ["expected", "agreement"]].tolist() == ["?", "undecided"]
    assert found.loc["surprisal.max", "agreement"] == "constant"
    # A constant ranks nothing.
    assert found.loc["surprisal.max", ["auroc", "low", "high"]].tolist() == [0.5, 0.5, 0.5]
    assert found["tier"].tolist() == [
        *("text", "corpus", "corpus", "text", "corpus", "reference", "reference")
    ]


def test_a_sign_against_expectation_contradicts(sample, table):
    turned = sample.features[["duplication.sequence_count"]] * -1
    found = univariate(turned, sample.truth, sample.weight, table[1], 0.9).iloc[0]
    assert (found["observed"], found["agreement"]) == ("-", "contradicts")
    assert found["auroc"] == pytest.approx(1 - table[0].loc[found["feature"], "auroc"])


def test_rows_whose_value_is_missing_are_left_out(sample, table):
    values = sample.features["duplication.sequence_count"].copy()
    gone = np.arange(len(values)) < 100
    values[gone] = np.nan
    features = pd.DataFrame({"duplication.sequence_count": values})
    found = univariate(features, sample.truth, sample.weight, table[1], 0.9).iloc[0]
    left = ~gone
    expected = roc_auc_score(sample.truth[left], values[left], sample_weight=sample.weight[left])
    assert found["auroc"] == pytest.approx(expected)
    assert found["missing"] == pytest.approx(sample.weight[gone].sum() / sample.weight.sum())


def test_what_differs_from_the_commonest_value_is_counted(sample, table):
    found, drawn = table
    values = sample.features["duplication.sequence_count"]
    copies = values.repeat(sample.weight.astype(int))
    other = values != copies.mode()[0]
    row = found.loc["duplication.sequence_count"]
    assert row["uncommon"] == pytest.approx((copies != copies.mode()[0]).mean())
    assert row["n_uncommon"] == other.sum()
    assert row["n_uncommon_cases"] == (other & sample.truth).sum()
    assert found.loc["surprisal.max", ["uncommon", "n_uncommon"]].tolist() == [0, 0]
    # Nothing known is nothing that differs.
    unknown = pd.DataFrame({"duplication.sequence_count": values * np.nan})
    row = univariate(unknown, sample.truth, sample.weight, drawn, 0.9).iloc[0]
    assert (row["agreement"], row["missing"], row["n_uncommon"]) == ("constant", 1, 0)
