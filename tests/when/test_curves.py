from dataclasses import replace

import numpy as np
from made_up_study import survived

from memorization.evaluation.bootstrap import Bootstrap
from memorization.study.strata import CONTINUATIONS, DUPLICATES
from memorization.tables import KAPLAN_MEIER
from memorization.when.curves import survival_curves
from memorization.when.kaplan_meier import kaplan_meier


def drawn(study, replicates, seed=0):
    return Bootstrap.of(study.cluster, replicates, 0.9, np.random.default_rng(seed))


def test_curves_are_the_weighted_shares_of_the_strata(study):
    bootstrap = drawn(study, 200)
    table = survival_curves(study, bootstrap)
    KAPLAN_MEIER.validate(table)
    counts = study.features[DUPLICATES].to_numpy()
    for name, rows in {"1": counts == 1, "2-4": (counts >= 2) & (counts <= 4)}.items():
        part, own = table[table["stratum"] == name], study.take(rows)
        assert part["step"].tolist() == study.steps.tolist()
        assert set(part["n"]) == {len(own)}
        assert set(part["n_events"]) == {own.times.event.sum()}
        expected = np.average(survived(own), axis=0, weights=own.weight)
        np.testing.assert_allclose(part["survival"], expected)
        drawn_weight = bootstrap.take(rows).multiplicities * own.weight
        band = np.quantile(kaplan_meier(own.times, drawn_weight), [0.05, 0.95], axis=0)
        np.testing.assert_allclose([part["low"], part["high"]], band)
        assert (part["low"] < part["high"]).all()
    assert "100+" not in set(table["stratum"])


def test_a_stratum_that_no_replicate_draws_has_no_band(study):
    few = np.zeros((20, len(study)), dtype=np.uint8)
    few[:, (study.features[DUPLICATES] == 1).to_numpy()] = 1
    table = survival_curves(study, Bootstrap(few, 0.9))
    assert table.loc[table["stratum"] == "2-4", "low"].isna().all()
    assert table.loc[table["stratum"] == "1", "low"].notna().all()


def test_strata_are_of_the_finest_count_and_without_any_all_are_one(study):
    counted = study.features.assign(**{CONTINUATIONS: 7.0})
    for features, stratum in ((counted, "5-19"), (counted[["surprisal.mean"]], "all")):
        table = survival_curves(replace(study, features=features), drawn(study, 50))
        KAPLAN_MEIER.validate(table)
        assert set(table["stratum"]) == {stratum}
        assert set(table["n"]) == {len(study)}
        expected = np.average(survived(study), axis=0, weights=study.weight)
        np.testing.assert_allclose(table["survival"], expected)
