import numpy as np
import pytest

from memorization.evaluation.bootstrap import cluster_multiplicities
from memorization.study.strata import CONTINUATIONS, DUPLICATES
from memorization.tables import KAPLAN_MEIER
from memorization.when.kaplan_meier import survival_curves

STEPS = 10 * np.arange(1, 13)


def test_curves_are_the_weighted_shares_of_the_strata(sample):
    n = len(sample.targets)
    multiplicities = cluster_multiplicities(np.arange(n), 200, np.random.default_rng(0))
    table = survival_curves(
        sample.features, sample.targets, STEPS, sample.weight, multiplicities, 0.9
    )
    KAPLAN_MEIER.validate(table)
    counts = sample.features[DUPLICATES].to_numpy()
    for name, rows in {"1": counts == 1, "2-4": (counts >= 2) & (counts <= 4)}.items():
        part = table[table["stratum"] == name]
        assert part["step"].tolist() == STEPS.tolist()
        assert set(part["n"]) == {rows.sum()}
        assert set(part["n_events"]) == {sample.targets.event[rows].sum()}
        survived = ~sample.targets.event | (sample.targets.time > 6)
        expected = np.average(survived[rows], weights=sample.weight[rows])
        assert part["survival"].iloc[5] == pytest.approx(expected)
        assert (part["low"] < part["survival"]).all()
        assert (part["survival"] < part["high"]).all()
    assert "100+" not in set(table["stratum"])


def test_the_band_covers_at_its_level(make_sample):
    # The band of many samples covers the curve that they are drawn from.
    whole = make_sample(20_000, seed=8)
    truth = whole.truth[(whole.features[DUPLICATES] == 1).to_numpy()].mean(axis=0)[5]
    covered = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        rows = rng.choice(len(whole.targets), 300, replace=False)
        drawn = cluster_multiplicities(rows, 100, rng)
        table = survival_curves(
            whole.features.iloc[rows], whole.targets.take(rows), STEPS, np.ones(300), drawn, 0.9
        )
        row = table[(table["stratum"] == "1") & (table["step"] == 60)].iloc[0]
        covered.append(row["low"] <= truth <= row["high"])
    assert 0.8 <= np.mean(covered) <= 0.98


def test_a_stratum_that_no_replicate_draws_has_no_band(sample):
    few = np.zeros((20, len(sample.targets)), dtype=np.int16)
    few[:, (sample.features[DUPLICATES] == 1).to_numpy()] = 1
    table = survival_curves(sample.features, sample.targets, STEPS, sample.weight, few, 0.9)
    assert table.loc[table["stratum"] == "2-4", "low"].isna().all()
    assert table.loc[table["stratum"] == "1", "low"].notna().all()


def test_without_duplicate_counts_all_are_one_stratum(sample):
    drawn = cluster_multiplicities(np.arange(len(sample.targets)), 50, np.random.default_rng(0))
    args = sample.targets, STEPS, sample.weight, drawn, 0.9
    table = survival_curves(sample.features[["surprisal.mean"]], *args)
    KAPLAN_MEIER.validate(table)
    assert set(table["stratum"]) == {"all"}
    assert set(table["n"]) == {len(sample.targets)}
    survived = np.average(~sample.targets.event, weights=sample.weight)
    assert table["survival"].iloc[-1] == pytest.approx(survived)


def test_strata_are_of_the_continuation_where_it_was_counted(sample):
    drawn = cluster_multiplicities(np.arange(len(sample.targets)), 50, np.random.default_rng(0))
    features = sample.features.assign(**{CONTINUATIONS: 7.0})
    table = survival_curves(features, sample.targets, STEPS, sample.weight, drawn, 0.9)
    assert set(table["stratum"]) == {"5-19"}
    assert set(table["n"]) == {len(sample.targets)}
