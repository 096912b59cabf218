from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from memorization.association.univariate import univariate
from memorization.evaluation.intervals import interval

COPIES = "duplication.sequence_count"


@pytest.fixture(scope="module")
def table(study, bootstrap):
    return univariate(study, bootstrap).set_index("feature")


@pytest.fixture
def row_of(study, bootstrap):
    """The row of other values of a feature."""

    def of(values):
        return univariate(replace(study, features=values.to_frame()), bootstrap).iloc[0]

    return of


def test_values_and_intervals_are_scikit_learns(study, bootstrap, table):
    """The interval from one call a replicate, rows repeated as drawn."""
    for name in (COPIES, "position.step"):
        values, row = study.features[name], table.loc[name]
        expected = roc_auc_score(study.truth, values, sample_weight=study.weight)
        assert row["auroc"] == pytest.approx(expected)
        replicates = [
            roc_auc_score(study.truth, values, sample_weight=study.weight * times)
            for times in bootstrap.multiplicities
        ]
        effective = bootstrap.effective(study.weight, study.truth)
        low, high = interval(expected, np.array(replicates), effective, 0.9)
        assert row[["low", "high"]].tolist() == pytest.approx([float(low), float(high)])


def test_what_is_known_of_the_sample_is_found(table):
    """Told from chance as expected, or without expectation; not told; and not to be told."""
    columns = ["tier", "expected", "observed", "agreement"]
    assert dict(zip(table.index, table[columns].agg(" ".join, axis=1), strict=True)) == {
        "repetition.longest_run": "text + 0 undecided",
        "duplication.sequence_count": "corpus + + agrees",
        "duplication.prompt_count": "corpus ? + open",
        "position.end_of_text": "text + 0 undecided",
        "position.step": "corpus ? 0 undecided",
        "surprisal.mean": "reference - - agrees",
        "surprisal.max": "reference - 0 constant",
    }
    # A constant ranks nothing.
    assert table.loc["surprisal.max", ["auroc", "low", "high"]].tolist() == [0.5, 0.5, 0.5]


def test_a_sign_against_expectation_contradicts(study, table, row_of):
    found = row_of(-study.features[COPIES])
    assert (found["observed"], found["agreement"]) == ("-", "contradicts")
    assert found["auroc"] == pytest.approx(1 - table.loc[COPIES, "auroc"])


def test_rows_whose_value_is_missing_are_left_out(study, row_of):
    left = np.arange(len(study)) >= 100
    values, part = study.features[COPIES], study.take(left)
    found = row_of(values.where(left))
    expected = roc_auc_score(part.truth, values[left], sample_weight=part.weight)
    assert found["auroc"] == pytest.approx(expected)
    assert found["missing"] == pytest.approx(study.weight[~left].sum() / study.weight.sum())


def test_what_differs_from_the_commonest_value_is_counted(study, table, row_of):
    values, row = study.features[COPIES], table.loc[COPIES]
    copies = values.repeat(study.weight.astype(int))
    other = values != copies.mode()[0]
    assert row["uncommon"] == pytest.approx((copies != copies.mode()[0]).mean())
    assert row["n_uncommon"] == other.sum()
    assert row["n_uncommon_cases"] == (other & study.truth).sum()
    assert table.loc["surprisal.max", ["uncommon", "n_uncommon"]].tolist() == [0, 0]
    # Nothing known is nothing that differs.
    row = row_of(values * np.nan)
    assert (row["agreement"], row["missing"], row["n_uncommon"]) == ("constant", 1, 0)
