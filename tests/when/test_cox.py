import warnings

import numpy as np
import pandas as pd
import pytest
from lifelines import CoxPHFitter

from memorization.errors import UserError
from memorization.when.models import cox
from memorization.when.models.cox import Cox


def lifelines_fit(sample, entry):
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
        entry=sample.targets.entry,
    )
    if not entry:
        frame = frame.drop(columns="entry")
    fitter = CoxPHFitter(penalizer=1 / len(frame))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitter.fit(
            frame, "time", "event", weights_col="weight", entry_col="entry" if entry else None
        )
    return fitter, frame


def test_agrees_with_lifelines(sample):
    fitter, frame = lifelines_fit(sample, entry=False)
    model = Cox.fit(sample.features, sample.targets, sample.weight, 0, 1)
    np.testing.assert_allclose(model.coefficients, fitter.params_, rtol=1e-6)
    expected = fitter.predict_survival_function(frame, times=np.arange(1, 13)).to_numpy().T
    np.testing.assert_allclose(model.survival(sample.features), expected, rtol=1e-6)


def test_coefficients_with_late_entry_agree_with_lifelines(make_sample):
    late = make_sample(400, seed=1, late=True)
    fitter, _ = lifelines_fit(late, entry=True)
    model = Cox.fit(late.features, late.targets, late.weight, 0, 1)
    np.testing.assert_allclose(model.coefficients, fitter.params_, rtol=1e-6)


def test_baseline_agrees_with_a_loop(make_sample):
    late = make_sample(100, seed=2, late=True)
    relative = np.random.default_rng(0).random(len(late.targets))
    total, expected = 0.0, []
    for j in range(1, 13):
        events = risk = 0.0
        for i in range(len(relative)):
            if late.targets.entry[i] < j <= late.targets.time[i]:
                risk += late.weight[i] * relative[i]
                if late.targets.event[i] and late.targets.time[i] == j:
                    events += late.weight[i]
        total += events / risk
        expected.append(total)
    np.testing.assert_allclose(cox.breslow(late.targets, late.weight, relative), expected)


def test_separated_events_still_converge(sample):
    # A feature that tells the events apart has no finite estimate without a penalty.
    told = sample.features.assign(**{"sibling.memorized": sample.targets.event.astype(float)})
    survival = Cox.fit(told, sample.targets, sample.weight, 0, 1).survival(told)
    assert survival[sample.targets.event, -1].max() < survival[~sample.targets.event, -1].min()


def test_no_convergence_is_explained(sample, monkeypatch):
    monkeypatch.setattr(cox, "PENALTIES", ())
    with pytest.raises(UserError, match=r"when\.models: 'cox' does not converge"):
        Cox.fit(sample.features, sample.targets, sample.weight, 0, 1)
