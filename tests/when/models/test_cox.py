import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from lifelines import CoxPHFitter
from made_up_study import survival_study

from memorization.errors import UserError
from memorization.when.models import cox
from memorization.when.models.cox import Cox


def lifelines_fit(study):
    """Fit lifelines to standardised covariates, directly."""
    raw = study.features.to_numpy().copy()
    raw[:, 0] = np.log1p(raw[:, 0])
    mean = np.average(raw, axis=0, weights=study.weight)
    scale = np.sqrt(np.average((raw - mean) ** 2, axis=0, weights=study.weight))
    frame = pd.DataFrame((raw - mean) / scale)
    frame.columns = frame.columns.astype(str)
    frame = frame.assign(
        time=study.times.time,
        event=study.times.event,
        weight=study.weight / study.weight.mean(),
    )
    fitter = CoxPHFitter(penalizer=1 / len(frame))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitter.fit(frame, "time", "event", weights_col="weight")
    return fitter, frame


@pytest.mark.parametrize("leaving", [False, True])
def test_agrees_with_lifelines(leaving):
    study, _ = survival_study(400, seed=1, leaving=leaving)
    fitter, frame = lifelines_fit(study)
    model = Cox.train(study, 0)
    np.testing.assert_allclose(model.coefficients, fitter.params_, rtol=1e-6)
    if not leaving:
        expected = fitter.predict_survival_function(frame, times=np.arange(1, 13)).to_numpy().T
        np.testing.assert_allclose(model.survival(study.features), expected, rtol=1e-6)


def test_baseline_agrees_with_a_loop():
    some, _ = survival_study(100, seed=2, leaving=True)
    time, event = some.times.time, some.times.event
    relative = np.random.default_rng(0).random(100)
    total, expected = 0.0, []
    for j in range(1, 13):
        events = risk = 0.0
        for i in range(100):
            if j <= time[i]:
                risk += some.weight[i] * relative[i]
                if event[i] and time[i] == j:
                    events += some.weight[i]
        total += events / risk
        expected.append(total)
    np.testing.assert_allclose(cox.breslow(some.times, some.weight, relative), expected)


def test_separated_events_still_converge(study):
    # A feature that tells the events apart has no finite estimate without a penalty.
    event = study.times.event
    told = replace(study, features=study.features.assign(**{"sibling.memorized": event * 1.0}))
    survival = Cox.train(told, 0).survival(told.features)
    assert survival[event, -1].max() < survival[~event, -1].min()


def test_no_convergence_is_explained(study, monkeypatch):
    monkeypatch.setattr(cox, "PENALTIES", ())
    with pytest.raises(UserError, match=r"when\.models: 'cox' does not converge"):
        Cox.train(study, 0)
