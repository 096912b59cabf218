from dataclasses import replace

import numpy as np
import pytest
from lifelines import KaplanMeierFitter
from made_up_study import from_the_start, survived

from memorization.strata import CONTINUATIONS, DUPLICATES
from memorization.when.models.kaplan_meier import KaplanMeierStrata, kaplan_meier


def random_targets(seed):
    rng = np.random.default_rng(seed)
    return from_the_start(rng.integers(1, 13, 200), rng.random(200) < 0.6, 12)


@pytest.mark.parametrize("seed", range(4))
def test_agrees_with_lifelines(seed):
    targets = random_targets(seed)
    # lifelines warns at weights that are no integers; its estimate takes any.
    weight = np.random.default_rng(seed).integers(1, 9, 200)
    fitter = KaplanMeierFitter()
    fitter.fit(targets.time, targets.event, weights=weight)
    expected = fitter.survival_function_at_times(np.arange(1, 13))
    np.testing.assert_allclose(kaplan_meier(targets, weight / 7), expected, atol=1e-12)


def test_weights_are_repetitions_and_their_leading_axes_replicates():
    targets = random_targets(4)
    late = np.random.default_rng(1).integers(1, 13, 200)
    weight = np.random.default_rng(0).integers(0, 4, (3, 200))
    for observed in (np.ones(200), np.minimum(late, targets.time)):
        targets = replace(targets, first_evaluation=observed)
        assert targets.left_censored.any() == (observed.max() > 1)
        for curve, copies in zip(kaplan_meier(targets, weight), weight, strict=True):
            rows = np.repeat(np.arange(200), copies)
            expected = kaplan_meier(targets.take(rows), np.ones(len(rows)))
            np.testing.assert_allclose(curve, expected, atol=1e-5)


def test_without_early_censoring_it_is_the_weighted_share(study):
    expected = np.average(survived(study), axis=0, weights=study.weight)
    np.testing.assert_allclose(kaplan_meier(study.times, study.weight), expected)


@pytest.mark.parametrize("column", [DUPLICATES, CONTINUATIONS])
def test_a_stratum_has_its_own_curve_and_an_empty_one_everybodys(column, study, tmp_path):
    counts = study.features[[DUPLICATES]].set_axis([column], axis="columns")
    counted = replace(study, features=counts)
    model = KaplanMeierStrata.train(counted, np.random.default_rng(0))
    single = study.take((counts[column] == 1).to_numpy())
    own = kaplan_meier(single.times, single.weight)

    def curve(count):
        return model.forecast(replace(study, features=counts.assign(**{column: count})))

    np.testing.assert_array_equal(curve(1.0).survival[0], own)
    # What is memorized stays so here: the share is the rest.
    np.testing.assert_allclose(curve(1.0).memorized[0], 1 - own, atol=1e-12)
    many = curve(1000.0).survival[0]
    np.testing.assert_array_equal(many, kaplan_meier(study.times, study.weight))
    model.save(tmp_path / "model.json")
    loaded = KaplanMeierStrata.load(tmp_path / "model.json")
    assert loaded.column == column
    assert list(loaded.strata) == list(model.strata)
    for one, other in zip(loaded.strata.values(), model.strata.values(), strict=True):
        np.testing.assert_array_equal(one.survival, other.survival)
        np.testing.assert_array_equal(one.memorized, other.memorized)


def test_strata_are_of_the_continuation_where_it_was_counted():
    one, both = (DUPLICATES,), (DUPLICATES, CONTINUATIONS)
    assert KaplanMeierStrata.columns({"corpus": one}) == {"corpus": one}
    assert KaplanMeierStrata.columns({"corpus": both}) == {"corpus": (CONTINUATIONS,)}
    assert KaplanMeierStrata.columns({"text": ("repetition.longest_run",)}) == {}
