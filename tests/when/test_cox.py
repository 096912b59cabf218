import warnings

import numpy as np
import pandas as pd
import pytest
from lifelines import CoxPHFitter

from memorization.errors import UserError
from memorization.when.models import cox
from memorization.when.models.cox import Cox


def lifelines_fit(sample):
    """Fit lifelines to standardised covariates, directly."""
    raw = sample.features.to_numpy().copy()
    raw[:, 0] = np.log1p(raw[:, 0])
    mean = np.average(raw, axis=0, weights=sample.weight)
    scale = np.sqrt(np.average((raw - mean) ** 2, axis=0, weights=sample.weight))
    frame = pd.DataFrame((raw - mean) / scale)
    frame.columns = frame.columns.astype(str)
    frame = frame.assign(
        time=sample.targets.time,
        event=sample.targets.event,
        weight=sample.weight / sample.weight.mean(),
    )
    fitter = CoxPHFitter(penalizer=1 / len(frame))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitter.fit(frame, "time", "event", weights_col="weight")
    return fitter, frame


def test_agrees_with_lifelines(sample):
    fitter, frame = lifelines_fit(sample)
    model = Cox.fit(sample.features, sample.targets, sample.weight, 0, 1)
    np.testing.assert_allclose(model.coefficients, fitter.params_, rtol=1e-6)
    expected = fitter.predict_survival_function(frame, times=np.arange(1, 13)).to_numpy().T
    np.testing.assert_allclose(model.survival(sample.features), expected, rtol=1e-6)


def test_coefficients_of_censored_rows_agree_with_lifelines(make_sample):
    some = make_sample(400, seed=1, leaving=True)
    fitter, _ = lifelines_fit(some)
    model = Cox.fit(some.features, some.targets, some.weight, 0, 1)
    np.testing.assert_allclose(model.coefficients, fitter.params_, rtol=1e-6)


def test_baseline_agrees_with_a_loop(make_sample):
    some = make_sample(100, seed=2, leaving=True)
    relative = np.random.default_rng(0).random(len(some.targets))
    total, expected = 0.0, []
    for j in range(1, 13):
        events = risk = 0.0
        for i in range(len(relative)):
            if j <= some.targets.time[i]:
                risk += some.weight[i] * relative[i]
                if some.targets.event[i] and some.targets.time[i] == j:
                    events += some.weight[i]
        total += events / risk
        expected.append(total)
    np.testing.assert_allclose(cox.breslow(some.targets, some.weight, relative), expected)


def test_separated_events_still_converge(sample):
    # A feature that tells the events apart has no finite estimate without a penalty.
    told = sample.features.assign(**{"sibling.memorized": sample.targets.event.astype(float)})
    survival = Cox.fit(told, sample.targets, sample.weight, 0, 1).survival(told)
    assert survival[sample.targets.event, -1].max() < survival[~sample.targets.event, -1].min()


def test_no_convergence_is_explained(sample, monkeypatch):
    monkeypatch.setattr(cox, "PENALTIES", ())
    with pytest.raises(UserError, match=r"when\.models: 'cox' does not converge"):
        Cox.fit(sample.features, sample.targets, sample.weight, 0, 1)
