import numpy as np
import pandas as pd
from lifelines import KaplanMeierFitter

from memorization.study.strata import CONTINUATIONS, DUPLICATES
from memorization.study.targets import Targets
from memorization.when.models.kaplan_meier import KaplanMeierStrata, kaplan_meier


def random_targets(seed):
    rng = np.random.default_rng(seed)
    return Targets(rng.integers(1, 13, 200), rng.random(200) < 0.6, 12)


def lifelines_curve(targets, weight):
    fitter = KaplanMeierFitter()
    fitter.fit(targets.time, targets.event, weights=weight)
    return fitter.survival_function_at_times(np.arange(1, targets.n_times + 1)).to_numpy()


def test_agrees_with_lifelines():
    for seed in range(4):
        targets = random_targets(seed)
        # lifelines warns at weights that are no integers; its estimate takes any.
        weight = np.random.default_rng(seed).integers(1, 9, 200)
        np.testing.assert_allclose(
            kaplan_meier(targets, weight / 7), lifelines_curve(targets, weight), atol=1e-12
        )


def test_leading_axes_are_replicates():
    targets = random_targets(4)
    weight = np.random.default_rng(0).random((3, 200))
    curves = kaplan_meier(targets, weight)
    for curve, own in zip(curves, weight, strict=True):
        np.testing.assert_allclose(curve, kaplan_meier(targets, own))


def test_without_early_censoring_it_is_the_weighted_share(sample):
    curve = kaplan_meier(sample.targets, sample.weight)
    for at in range(1, sample.targets.n_times + 1):
        survived = ~sample.targets.event | (sample.targets.time > at)
        np.testing.assert_allclose(curve[at - 1], np.average(survived, weights=sample.weight))


def test_a_stratum_has_its_own_curve_and_an_empty_one_everybodys(sample):
    features = sample.features[[DUPLICATES]]
    model = KaplanMeierStrata.fit(features, sample.targets, sample.weight, 0, 1)
    single = (features[DUPLICATES] == 1).to_numpy()
    own = kaplan_meier(sample.targets.take(single), sample.weight[single])
    np.testing.assert_array_equal(model.survival(features[single])[0], own)
    many = model.survival(pd.DataFrame({DUPLICATES: [1000.0]}))[0]
    np.testing.assert_array_equal(many, kaplan_meier(sample.targets, sample.weight))


def test_strata_are_of_the_continuation_where_it_was_counted(sample, tmp_path):
    features = sample.features[[DUPLICATES]]
    both = features.assign(**{CONTINUATIONS: features[DUPLICATES].to_numpy()[::-1]})
    model = KaplanMeierStrata.fit(both, sample.targets, sample.weight, 0, 1)
    assert model.column == CONTINUATIONS
    single = (both[CONTINUATIONS] == 1).to_numpy()
    own = kaplan_meier(sample.targets.take(single), sample.weight[single])
    np.testing.assert_array_equal(model.survival(both[single])[0], own)
    model.save(tmp_path / "model.json")
    loaded = KaplanMeierStrata.load(tmp_path / "model.json")
    assert loaded.column == CONTINUATIONS
    np.testing.assert_array_equal(loaded.survival(both), model.survival(both))
