from dataclasses import replace

import numpy as np
from made_up_study import survival_study
from sklearn.linear_model import LogisticRegression

from memorization.when.kaplan_meier import kaplan_meier
from memorization.when.models.hazard import LIGHT, Hazard, fit_logistic
from memorization.when.person_period import event_bins, person_period


def test_counted_rows_give_the_fit_of_all_rows():
    some, _ = survival_study(150, seed=3, leaving=True)
    x = some.features.to_numpy() / 3
    weight = some.weight / some.weight.mean()
    bins = event_bins(some.times, 4)
    coefficients, baseline = fit_logistic(x, person_period(some.times, bins), weight)

    every = person_period(some.times, np.arange(12))
    assert (every.count == 1).all()
    indicators = LIGHT * np.eye(bins[-1] + 1)[bins[every.bin]]
    model = LogisticRegression(solver="lbfgs", fit_intercept=False, tol=1e-10, max_iter=10_000)
    model.fit(np.hstack([x[every.row], indicators]), every.event, sample_weight=weight[every.row])
    estimates = model.coef_[0]
    np.testing.assert_allclose(coefficients, estimates[:3], atol=1e-4)
    np.testing.assert_allclose(baseline, LIGHT * estimates[3:], atol=1e-3)


def test_censored_rows_tell_the_hazard_that_drew_the_data():
    some, truth = survival_study(20_000, seed=4, leaving=True)
    model = Hazard.train(replace(some, weight=np.ones(20_000)), 0)
    effects = model.coefficients / model.covariates.scale[model.covariates.kept]
    np.testing.assert_allclose(effects, [1, -0.8, 0], atol=0.06)
    error = np.abs(model.survival(some.features) - truth)
    assert error.mean() < 0.01
    assert error.max() < 0.06


def test_without_features_it_is_the_marginal_curve(study):
    none = study.only([])
    expected = kaplan_meier(study.times, study.weight)
    found = Hazard.train(none, 0).survival(none.features)[0]
    np.testing.assert_allclose(found, expected, atol=0.01)
