import numpy as np
from sklearn.linear_model import LogisticRegression

from memorization.when.models.hazard import LIGHT, Hazard, fit_logistic
from memorization.when.models.kaplan_meier import kaplan_meier
from memorization.when.person_period import event_bins, person_period


def test_counted_rows_give_the_fit_of_all_rows(make_sample):
    some = make_sample(150, seed=3, leaving=True)
    x = some.features.to_numpy() / 3
    weight = some.weight / some.weight.mean()
    bins = event_bins(some.targets, 4)
    coefficients, baseline = fit_logistic(x, person_period(some.targets, bins), weight)

    every = person_period(some.targets, np.arange(12))
    assert (every.count == 1).all()
    indicators = LIGHT * np.eye(bins[-1] + 1)[bins[every.bin]]
    model = LogisticRegression(solver="lbfgs", fit_intercept=False, tol=1e-10, max_iter=10_000)
    model.fit(np.hstack([x[every.row], indicators]), every.event, sample_weight=weight[every.row])
    estimates = model.coef_[0]
    np.testing.assert_allclose(coefficients, estimates[:3], atol=1e-4)
    np.testing.assert_allclose(baseline, LIGHT * estimates[3:], atol=1e-3)


def test_censored_rows_tell_the_hazard_that_drew_the_data(make_sample):
    some = make_sample(20_000, seed=4, leaving=True)
    weight = np.ones(len(some.targets))
    model = Hazard.fit(some.features, some.targets, weight, 0, 1)
    effects = model.coefficients / model.covariates.scale[model.covariates.kept]
    np.testing.assert_allclose(effects, [1, -0.8, 0], atol=0.06)
    error = np.abs(model.survival(some.features) - some.truth)
    assert error.mean() < 0.01
    assert error.max() < 0.06


def test_weights_restore_the_population(make_sample):
    population = make_sample(20_000, seed=5, memorized=-6.0)
    rng = np.random.default_rng(0)
    event = population.targets.event
    rows = event | (rng.random(len(event)) < 0.2)
    weight = np.where(event[rows], 1.0, 5.0)
    features = population.features[rows]
    model = Hazard.fit(features, population.targets.take(rows), weight, 0, 1)
    expected = model.survival(population.features).mean(axis=0)
    observed = kaplan_meier(population.targets, np.ones(len(event)))
    np.testing.assert_allclose(expected, observed, atol=0.005)


def test_without_features_it_is_the_marginal_curve(sample):
    none = sample.features[[]]
    model = Hazard.fit(none, sample.targets, sample.weight, 0, 1)
    expected = kaplan_meier(sample.targets, sample.weight)
    np.testing.assert_allclose(model.survival(none)[0], expected, atol=0.01)
